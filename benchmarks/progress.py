"""One line per finished measurement on standard error, and on a terminal what is being measured now."""

import sys

from benchmarks.records import Record


class Progress:
    """Counts measurements."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._terminal = sys.stderr.isatty()

    def starting(self, what: str) -> None:
        """Show what is being measured, on a terminal only."""
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K[{self._done + 1}/{self._total}] {what} ...")
            sys.stderr.flush()

    def finished(self, record: Record) -> None:
        """Put the result in its place."""
        self._done += 1
        start = "\r\x1b[K" if self._terminal else ""
        what = f"{record.scenario} {record.peer}" + (f", {record.nodes} nodes" if record.nodes else "")
        result = f"{record.cpu:.3f} s CPU, {record.wall:.2f} s"
        if record.status != "ok":
            result = f"{record.status}: {record.reason[:120]}"
        sys.stderr.write(f"{start}[{self._done}/{self._total}] {what}: {result}\n")
        sys.stderr.flush()

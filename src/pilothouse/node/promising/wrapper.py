"""Programs as promises: what is executable in ``etc/promise``, plugins of Nagios too (node spec 13.12)."""

from __future__ import annotations

import subprocess
import threading
from typing import IO, Any

from pilothouse.node.promising.generic import AnomalyResult, GenericPromise, TestResult

_KEPT = 64 * 1024  # bytes of the output, its last ones
_LINGER = 1.0  # seconds for what a program left behind to close the output


class WrapPromise(GenericPromise):
    """A program: it is kept while the program ends with 0."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.allowBang(False)

    def sense(self) -> None:
        """Run the program; its output is the message."""
        status, output = _run(self.getPromiseFile(), self.getPartitionFolder())
        if status:
            self.logger.error("%s", output)
        else:
            self.logger.info("%s", output)

    def test(self) -> TestResult:
        """Return whether it ended well."""
        return self._test(result_count=1, failure_amount=1)

    def anomaly(self) -> AnomalyResult:
        """Return whether it failed three times in a row."""
        return self._anomaly(result_count=3, failure_amount=3)


def _run(path: str, folder: str) -> tuple[int, str]:
    process = subprocess.Popen(
        [path], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, output), daemon=True)
    reader.start()
    status = process.wait()
    reader.join(_LINGER)
    return status, bytes(output[-_KEPT:]).decode("utf-8", "replace").strip()


def _read(stream: IO[bytes], output: bytearray) -> None:
    with stream:
        while True:
            piece = stream.read1(_KEPT)  # type: ignore[attr-defined]  # it is buffered
            if not piece:
                return
            output += piece
            if len(output) > 2 * _KEPT:
                del output[:-_KEPT]

"""A server as a process: started, waited for, looked at, ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PATIENCE: Final = 60.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class ServerError(RuntimeError):
    """A server did not start; the text has its last words."""


class Process:
    """A running server; its output goes to a file."""

    def __init__(self, argv: Sequence[str | Path], folder: Path, port: int) -> None:
        self.log = folder / "server.log"
        self.port = port
        environ = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def wait_until_it_listens(self) -> None:
        """Return when the port answers. Raises ServerError."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise ServerError(f"it does not listen:\n{self.log.read_text()[-2000:]}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def cpu(pids: Sequence[int]) -> float:
    """Return the CPU seconds of these processes, with those of their children that have ended."""
    total = 0
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(word) for word in words[11:15])
    return total / _TICKS


def memory_mib(pid: int) -> float:
    """Return the process's memory that is not shared with others, in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def children(pid: int) -> list[int]:
    """Return the processes below one."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for word in listing.read_text().split():
            found += [int(word), *children(int(word))]
    return found

"""The control server as its users start it: a process of its own that can be killed."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
from tests.sshd import free_port

SOURCES = Path(__file__).resolve().parents[1] / "src"
PATIENCE = 60.0


class ServerProcess:
    """``pilothouse up`` on a data folder; it may be started again on the same one."""

    def __init__(self, data: Path, *words: str, module: str = "pilothouse.cli.main", port: int = 0) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self.lines: list[str] = []
        self._module = module
        self._words = words or ("up", "--data", str(data), "--listen", f"127.0.0.1:{self.port}")
        self._process: subprocess.Popen[str] | None = None
        self._listens = threading.Event()
        self._reader: threading.Thread | None = None

    def start(self) -> "ServerProcess":
        """Start it and wait until it listens."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PILOTHOUSE_")}
        self._listens.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, *self._words],
            env={**kept, "PYTHONPATH": str(SOURCES)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()
        assert self._listens.wait(PATIENCE), "\n".join(self.lines)
        assert self._process.poll() is None, "\n".join(self.lines)
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self._process is not None
        assert self._reader is not None
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process = None
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    def clean(self) -> None:
        """End it if it still runs."""
        if self._process is not None:
            self.end(signal.SIGKILL)

    def client(self) -> httpx.Client:
        """Return a client with the first administrator's token."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip())
                if found := re.fullmatch(r" +(pha_\S+)", line.rstrip()):
                    self.token = found[1]
                if "listening" in line:
                    self._listens.set()
        self._listens.set()

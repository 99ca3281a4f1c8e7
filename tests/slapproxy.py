"""The original's master, `slapos proxy`, as a throwaway server for tests: own database, own port."""

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.originals import Original
from tests.sshd import free_port

_PATIENCE = 60.0
COMPUTER = "local_computer"


class SlapProxy:
    """One proxy, listening on 127.0.0.1.

    ``lines`` are further lines of its configuration's first section, ``sections`` the lines of further sections.
    """

    def __init__(self, original: Original, folder: Path, *lines: str, sections: Sequence[str] = ()) -> None:
        self._original = original
        self._folder = folder
        self._lines = lines
        self._sections = sections
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.rest_url = f"{self.url}hateoas"
        self.log = folder / "proxy.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "SlapProxy":
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = [
            "[slapos]",
            f"computer_id = {COMPUTER}",
            *self._lines,
            "[slapproxy]",
            "host = 127.0.0.1",
            f"port = {self.port}",
            f"database_uri = {self._folder / 'proxy.db'}",
            *self._sections,
        ]
        config = self._folder / "slapos-proxy.cfg"
        config.write_text("\n".join(settings) + "\n")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._original.program("slapos"), "proxy", "start", "--cfg", config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, f"the proxy did not start:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < until, f"the proxy does not answer:\n{self.log.read_text()[-3000:]}"
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}getRunId", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_PATIENCE)
            self._process = None

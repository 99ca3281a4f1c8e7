"""The commands as users start them: processes with an environment of their own."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.jobs import Document
from tests.sshd import Sshd

SOURCES = Path(__file__).resolve().parents[1] / "src"


class Commands:
    """Runs the product's commands in ``folder``; ``home`` is AUTOEXEC_HOME, ``data`` the data folder of the rest."""

    def __init__(self, folder: Path, sshd: Sshd) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.data = folder / "data"
        self.params = folder / "params.json"
        self.nodes = folder / "nodes.json"
        self.home.mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PILOTHOUSE_", "AUTOEXEC_"))},
            "PYTHONPATH": str(SOURCES),
            "AUTOEXEC_HOME": str(self.home),
            "PILOTHOUSE_DATA": str(self.data),
            "PILOTHOUSE_KNOWN_HOSTS": str(sshd.known_hosts),
            "PILOTHOUSE_IDENTITIES": str(sshd.identity),
        }

    def write(self, job: Document, targets: Iterable[Document]) -> tuple[str, str, str]:
        """Write the documents; returns the words of a ``pilothouse job run`` that name them."""
        self.params.write_text(json.dumps(job), "utf-8")
        self.nodes.write_text("\n".join(map(json.dumps, targets)), "utf-8")
        return str(self.params), "--nodes", str(self.nodes)

    def pilothouse(self, *words: str, code: int = 0, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return self._run("main", words, code, timeout)

    def autoexec(self, *words: str, code: int = 0, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return self._run("autoexec", words, code, timeout)

    def start(self, program: str, *words: str) -> "subprocess.Popen[str]":
        """Start a command and leave it running."""
        module = "main" if program == "pilothouse" else program
        return subprocess.Popen(
            self._words(module, words),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def on_terminal(self, *words: str) -> str:
        """Run ``pilothouse`` on a terminal; returns what that got."""
        leader, follower = os.openpty()
        said = b""
        with subprocess.Popen(self._words("main", words), env=self.environment, cwd=self.folder, stdout=follower):
            os.close(follower)
            with contextlib.suppress(OSError):  # how a terminal says that its last program has gone
                while block := os.read(leader, 65536):
                    said += block
        os.close(leader)
        return said.decode()

    def await_text(self, job_id: str, name: str, text: str, data: Path | None = None) -> None:
        """Wait until a file of a job's run folder holds a text."""
        chunks = [job_id[i : i + 3] for i in range(0, len(job_id), 3)]
        path = (data or self.data).joinpath("job", *chunks, name)
        deadline = time.monotonic() + 15
        while not path.is_file() or text not in path.read_text("utf-8"):
            assert time.monotonic() < deadline, f"{path} never held {text!r}"
            time.sleep(0.05)

    def _run(self, module: str, words: tuple[str, ...], code: int, timeout: float) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._words(module, words),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def _words(self, module: str, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-X", "dev", "-W", "error", "-m", f"pilothouse.cli.{module}", *words]

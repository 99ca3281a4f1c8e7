"""A Tagent daemon for tests: a process of its own, as on a machine."""

import os
import subprocess
import sys
from pathlib import Path

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings

CREDENTIAL = "tagentpass"


class Tagentd:
    """Started in a folder of its own; ``log`` is what it says."""

    def __init__(self, folder: Path, *, encrypted: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.credential_file = folder / "credential"
        self.log = folder / "log"
        self.port = 0
        self._words = ["--encrypted"] if encrypted else []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "Tagentd":
        """Start it and wait until it listens."""
        if not self.credential_file.exists():
            self.credential_file.write_text(f"{CREDENTIAL}\n")
            self.credential_file.chmod(0o600)
        source = f"{Path(__file__).parents[1] / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        words = ["--listen", f"127.0.0.1:{self.port}", "--credential-file", str(self.credential_file), *self._words]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pilothouse.cli.main", "tagent", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": source},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), self.log.read_text()
        self.port = int(line.rpartition(":")[2])
        return self

    def stop(self) -> None:
        """End it and everything that it runs."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def node(self, resource_id: int = 1, *, password: str = CREDENTIAL, username: str = "") -> Node:
        """Return a node that leads here."""
        return Node(
            resource_id=resource_id,
            host="127.0.0.1",
            port=8080,
            protocol="tagent",
            protocol_port=self.port,
            username=username,
            password=Secret(password),
        )

    def settings(self, **changes: object) -> Settings:
        """Return settings for a transport."""
        values: dict[str, object] = {"data": self.folder / "data", "connect_timeout": 20.0, **changes}
        return Settings(**values)  # type: ignore[arg-type]

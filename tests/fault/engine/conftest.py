"""A process that makes engines to be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sshd import Sshd

SOURCES = Path(__file__).resolve().parents[3] / "src"


class Maker:
    """Makes one engine at a time; see doomed.py."""

    def __init__(self, sshd: Sshd) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCES),
            "PILOTHOUSE_KNOWN_HOSTS": str(sshd.known_hosts),
            "PILOTHOUSE_IDENTITIES": str(sshd.identity),
        }
        words = [sys.executable, str(Path(__file__).with_name("doomed.py"))]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, env=environment, stdin=pipe, stdout=pipe, text=True)

    def start(self, *order: str | int) -> int:
        """Start an engine; returns the number of its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Return the exit code of the engine, -9 when it was killed."""
        return self._answer()

    def stop(self) -> None:
        self._process.communicate(timeout=60)

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="session")
def maker(sshd: Sshd) -> Iterator[Maker]:
    made = Maker(sshd)
    yield made
    made.stop()

"""The ``slapos`` command in this process: what it prints, what it logs, its exit code."""

import re
from typing import NamedTuple

import pytest

from pilothouse.cli.slapos.main import main

HEAD = re.compile(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d slapos\[\d+\] ([A-Z]+) ")


class Done(NamedTuple):
    """``err`` is the log, each line's head shortened to its level."""

    code: int
    out: str
    err: str


class Slapos:
    """Runs commands with ``--cfg`` of its configuration put in."""

    def __init__(self, capsys: pytest.CaptureFixture[str], cfg: str = "") -> None:
        self._capsys = capsys
        self.cfg = cfg

    def __call__(self, *words: str, code: int | None = 0) -> Done:
        """Run a command; its words, then its arguments. None allows every exit code."""
        self._capsys.readouterr()
        try:
            ended = main([*words, *(["--cfg", self.cfg] if self.cfg else [])])
        except SystemExit as error:
            ended = error.code if isinstance(error.code, int) else 1
        captured = self._capsys.readouterr()
        assert code is None or ended == code, f"exit code {ended}\n{captured.out}\n{captured.err}"
        return Done(ended, captured.out, HEAD.sub(r"\1 ", captured.err))

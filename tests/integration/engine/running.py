"""Processes of our own Python for the tests of this room."""

import subprocess
import sys
from pathlib import Path
from typing import IO


def python(program: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start a program; its standard output is a pipe of lines."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def output(process: subprocess.Popen[str]) -> IO[str]:
    """Return the pipe that the process prints into."""
    assert process.stdout is not None
    return process.stdout


def end(process: subprocess.Popen[str]) -> None:
    """Kill the process the hard way and wait for it."""
    process.kill()
    process.communicate()

"""What a person is told to type next, so that it works as it stands."""

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import msgspec

_NAME: Final = "pilothouse"


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """How further commands must be called to find the same job.

    ``program`` is its name or path as shell text, ``options`` are those that each command needs, ``again`` is
    the command line that resumes the job, if there is one.
    """

    program: str = _NAME
    options: str = ""
    again: str = ""

    def command(self, *words: str) -> str:
        """Return a command line: the program, the words, quoted, and the options."""
        return " ".join(filter(None, (self.program, shlex.join(words), self.options)))


USUAL: Final = Hints()
"""The program by its name, with nothing else needed."""


def program(called: str | None = None) -> str:
    """Return what starts this program from here as shell text: its name where that leads to what was ``called``."""
    called = sys.argv[0] if called is None else called
    path = Path(called)
    if path.name != _NAME or not path.is_file():
        # started by another of our programs, or as a module
        return _NAME
    places = (os.path.join(folder, _NAME) for folder in os.get_exec_path())  # noqa: PTH118 - as the shell looks
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    return _NAME if found and Path(found).samefile(path) else shlex.quote(called)

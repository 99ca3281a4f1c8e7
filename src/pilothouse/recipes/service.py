"""``pilothouse:service`` and ``pilothouse:script``: programs of an instance, with words that need no quoting."""

import hashlib
import shlex

from pilothouse.files import write_atomic
from pilothouse.recipes.part import Part, problem

_DIGITS = 6


class Script(Part):
    """Writes a script to ``path`` that becomes the program of ``command``, which has one word a line.

    ``environment`` has lines ``NAME=value``.
    """

    def install(self) -> list[str]:
        """Write the script."""
        target = self.place(self._path(self.text()))
        write_atomic(target, self.text().encode(), mode=0o755)
        return [str(target)]

    def text(self) -> str:
        """Return the script. Raises UserError when it would run nothing."""
        words = self.lines("command")
        if not words:
            raise problem(f"[{self.name}] needs: command = ..., one word a line")
        return script(words, self.lines("environment"))

    def _path(self, text: str) -> str:
        return self.required("path")


class Service(Script):
    """Writes a script that supervisord runs; the master is told when it ends, unless ``watched`` is ``false``.

    supervisord restarts nothing that keeps its name, so the name ends with a digest of the command, and of the text
    in ``restart-for``.
    """

    def _path(self, text: str) -> str:
        folder = "service" if self.options.get("watched", "true").strip() == "true" else "run"
        digest = hashlib.sha256(f"{text}\n{self.options.get('restart-for', '')}".encode()).hexdigest()
        return f"etc/{folder}/{self.name}-{digest[:_DIGITS]}"


def script(words: list[str], environment: list[str]) -> str:
    """Return a shell script that becomes a program."""
    exports = "".join(f"export {shlex.quote(line)}\n" for line in environment)
    return f"#!/bin/sh\n{exports}exec {shlex.join(words)}\n"

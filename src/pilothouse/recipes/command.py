"""``pilothouse:command``: something that is done once, such as making an empty database."""

import os
import subprocess
from typing import Final

from pilothouse.recipes.part import Part, problem
from pilothouse.recipes.service import script

_LAST: Final = 20


class Command(Part):
    """Runs ``command``, one word a line, unless ``creates`` is there.

    What it makes is data: it stays when the part is changed or goes, and ends with the instance.
    """

    def install(self) -> list[str]:
        """Run it. Raises UserError with the end of what it said."""
        target = self.place(self.required("creates"))
        if target.exists():
            return []
        words = ["/bin/sh", "-c", script(self.lines("command"), self.lines("environment"))]
        done = subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        if done.returncode or not target.exists():
            said = "\n".join(done.stdout.splitlines()[-_LAST:])
            what = f"ended with {done.returncode}" if done.returncode else f"did not make {target}"
            raise problem(f"[{self.name}] {os.path.basename(self.lines('command')[0])} {what}:\n{said}")  # noqa: PTH119
        return []

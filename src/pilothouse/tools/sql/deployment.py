"""The SQL files of a deployment: those below DB_SCRIPT, brought into the run folder (spec sections 1.8 and 6.8)."""

import argparse
import os
import re
import shutil
from pathlib import Path

from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.sql.ordering import EXTENSIONS, batch

Sets = tuple[tuple[str, ...], ...]
"""Files that may run side by side, set after set."""


def add_choice(add: argparse.ArgumentParser) -> None:
    """Add the options that choose among the files of a deployment."""
    add.add_argument("--extnames", default=",".join(EXTENSIONS))
    add.add_argument("--filter", default="")
    add.add_argument("--index", default="")
    program.switch(add, "--rollback", "the files below folders named rollback, and no others")


def bring(chosen: argparse.Namespace) -> Sets:
    """Link the chosen files of the deployment into ``file/``, and return them in their order. Raises UsageError."""
    root = os.environ.get("DB_SCRIPT")
    if not root or not Path(root).is_dir():
        raise UsageError(f"DB_SCRIPT: {root or 'not set'}; allowed: the folder of a deployment's SQL files")
    names = [path.relative_to(root).as_posix() for path in Path(root).rglob("*") if path.is_file()]
    found = sets_of(names, chosen, Path(root))
    for name in (name for group in found for name in group):
        _link(Path(root) / name, program.work_path() / "file" / name)
    return found


def sets_of(names: list[str], chosen: argparse.Namespace, root: Path) -> Sets:
    """Return those of the names that are chosen, in their order. Raises UsageError."""
    try:
        re.compile(chosen.filter)
    except re.error as error:
        raise UsageError(f"--filter: {chosen.filter!r} is no regular expression: {error}") from None
    extensions = [name for item in chosen.extnames.split(",") if (name := item.strip())] or EXTENSIONS
    index: list[str] = []
    if chosen.index:
        try:
            lines = (root / chosen.index).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--index: {root / chosen.index}: cannot be read: {error}") from None
        index = [line.strip() for line in lines if line.strip()]
    return batch(names, index=index, extensions=extensions, pattern=chosen.filter, rollback=chosen.rollback)


def _link(source: Path, target: Path) -> None:
    if target.is_file() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    try:
        beside.hardlink_to(source)
    except OSError:
        shutil.copy2(source, beside)
    beside.replace(target)

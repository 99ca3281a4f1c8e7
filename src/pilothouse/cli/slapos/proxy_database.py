"""Where the database of ``slapos proxy`` is: ours, which is another one than the original's (spec section 7).

A file of the original is never written to. Ours is then beside it, and the first start imports what is there.
"""

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos.call import CommandError

_ORIGINAL: Final = re.compile(r"partition\d+")
_SUFFIX: Final = ".pilothouse"


def place_of(uri: str) -> Path:
    """Return the file of our database for a ``database_uri``. Raises CommandError for what is no database."""
    path = Path(uri.removeprefix("sqlite:///")).expanduser().absolute()
    return path.with_name(path.name + _SUFFIX) if is_original(path) else path


def original_of(uri: str) -> Path | None:
    """Return the original's database that ``database_uri`` names, None when it is none."""
    path = Path(uri.removeprefix("sqlite:///")).expanduser().absolute()
    return path if is_original(path) else None


def is_original(path: Path) -> bool:
    """Whether a file is a database that the original made. Raises CommandError for a file that is no database."""
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error as error:
        raise CommandError(f"{path}: is no database: {error}", "Name another file: --database-uri FILE.") from None
    return any(_ORIGINAL.fullmatch(name) for (name,) in names)

"""Commands that work on the server's database itself: they need no token and no running server."""

import argparse
import asyncio
import getpass
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pilothouse.errors import UsageError
from pilothouse.identity.caller import Caller
from pilothouse.settings import Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how the database is found."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="folder that has the server's database")
    parser.add_argument("--database", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME")


def add_to_all(commands: Iterable[argparse.ArgumentParser]) -> None:
    """Add to each command how the database is found, and JSON."""
    for command in commands:
        command.add_argument("--json", action="store_true", help="print JSON")
        add_options(command)


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Return the settings in force."""
    return load(chosen.config, data=chosen.data, database=chosen.database)


def database_of(settings: Settings) -> Path | str:
    """Return which database the settings mean."""
    return settings.database or settings.data / "server.db"


def caller() -> Caller:
    """Return who works on the database, for the audit log: whoever may read it is an administrator."""
    return Caller(kind="local", name=getpass.getuser(), roles=frozenset({"admin"}), how="command line")


def read(chosen: argparse.Namespace, work: "Callable[[Connection], T]") -> T:
    """Return what ``work`` reads."""
    return asyncio.run(_carry_out(settings_of(chosen), work, write=False))


def write(chosen: argparse.Namespace, work: "Callable[[Connection], T]") -> T:
    """Return what ``work`` returned, once its changes are durable."""
    return asyncio.run(_carry_out(settings_of(chosen), work, write=True))


async def _carry_out(settings: Settings, work: "Callable[[Connection], T]", *, write: bool) -> T:
    from pilothouse.store.database import open_store

    where = database_of(settings)
    if isinstance(where, Path) and not where.exists():
        raise UsageError(
            f"{where}: there is no database yet; start the server first (pilothouse up), or say where it is "
            "(--data, --database)"
        )
    store = await open_store(where)
    try:
        return await (store.write(work) if write else store.read(work))
    finally:
        await store.close()

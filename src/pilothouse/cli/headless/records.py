"""What set-up commands share: the database, made if it is not there yet, and the audit log."""

import argparse
import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from pilothouse.cli import database
from pilothouse.errors import UsageError

T = TypeVar("T")
DAY = 86400.0


def write(chosen: argparse.Namespace, action: str, subject: str, detail: object, work: Callable[[Connection], T]) -> T:
    """Return what ``work`` returned, once its changes and their entry in the audit log are durable."""
    from pilothouse.store import audit

    def both(connection: Connection) -> T:
        result = work(connection)
        audit.append(connection, database.caller(), f"headless {action}", subject, detail, time.time())
        return result

    _make(chosen)
    return database.write(chosen, both)


def read(chosen: argparse.Namespace, work: Callable[[Connection], T]) -> T:
    """Return what ``work`` reads."""
    _make(chosen)
    return database.read(chosen, work)


def _make(chosen: argparse.Namespace) -> None:
    """Make the database if there is none: set-up may come before the first start."""
    where = database.database_of(database.settings_of(chosen))
    if isinstance(where, Path) and not where.exists():
        asyncio.run(_open_once(where))


async def _open_once(where: Path) -> None:
    from pilothouse.store.database import open_store

    await (await open_store(where)).close()


def text(path: Path) -> str:
    """Return what a file given on the command line says. Raises UsageError."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: this is no text in UTF-8") from None


def moment(text: str) -> float:
    """Return ``YYYY-MM-DD`` as the local beginning of that day. Raises ArgumentTypeError."""
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%d"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; give it as 2026-12-31") from None


def days(text: str) -> float:
    """Return ``365`` or ``365d`` in seconds. Raises ArgumentTypeError."""
    try:
        found = float(text.removesuffix("d"))
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of days, such as 365d")
    return found * DAY


def gone(removed: bool, what: str) -> None:
    """Raise UsageError unless there was something to remove."""
    if not removed:
        raise UsageError(f"there is no {what}")

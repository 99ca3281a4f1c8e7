"""Pieces of work that wait for the writer, and how those who asked are told."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Piece:
    """One piece of work, and who waits for what comes of it."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


def carry_out(work: Callable[[Connection], T], connection: Connection) -> T:
    """Do a piece of work. No future carries StopIteration, and who waits for it would wait for ever."""
    try:
        return work(connection)
    except StopIteration as error:
        raise RuntimeError(f"work ended with {error!r}") from error


def settle(pieces: Iterable[Piece]) -> None:
    """Tell everybody what came of their work; called in the writer's thread, once for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Piece]] = {}
    for piece in pieces:
        by_loop.setdefault(piece.loop, []).append(piece)
    for loop, those in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell, those)
        except RuntimeError:  # the loop is closed: nobody waits any more
            continue


def _tell(pieces: list[Piece]) -> None:
    for piece in pieces:
        if piece.future.done():
            continue
        if piece.error is not None:
            piece.future.set_exception(piece.error)
        else:
            piece.future.set_result(piece.result)

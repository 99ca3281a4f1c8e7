"""Bodies as they come in: never more than allowed, never longer than patience lasts."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from pilothouse.server.api.slap.exchange import Header, Receive
from pilothouse.server.api.slap.refusals import HttpRefusal


class ClientLeftError(Exception):
    """The client went away before its body was whole; nobody reads an answer."""


def announced(headers: Iterable[Header], largest: int) -> None:
    """Refuse a body by its announced length, before any of it is read."""
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or int(value) > largest):
            raise HttpRefusal(413, f"the body has {value.decode('latin-1')} bytes; at most {largest} are taken")


async def whole(receive: Receive, largest: int, patience: float) -> bytes:
    """Return the body. Raises HttpRefusal: 413 when it is too large, 408 when it takes longer than ``patience``."""
    try:
        async with asyncio.timeout(patience):
            pieces = [piece async for piece in pieces_of(receive, largest)]
    except TimeoutError as error:
        raise HttpRefusal(408, f"the body was not there after {patience:g} seconds; send it again") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def pieces_of(receive: Receive, largest: int, patience: float | None = None) -> AsyncIterator[bytes]:
    """Yield the body as it comes.

    Raises HttpRefusal: 413 as soon as it is too large, 408 when the next piece takes longer than ``patience``.
    """
    size = 0
    more = True
    while more:
        try:
            message = await asyncio.wait_for(receive(), patience) if patience else await receive()
        except TimeoutError as error:
            raise HttpRefusal(408, f"nothing more of the body came for {patience:g} seconds; send it again") from error
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > largest:
            raise HttpRefusal(413, f"the body has more than the {largest} bytes that are taken")
        if piece:
            yield piece

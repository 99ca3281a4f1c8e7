"""Files as answers: piece by piece, whole or a range, or nothing when the client has them (slapos-master 5.3)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from pilothouse.server.api.slap.exchange import Answer, Header, Request

_PIECE: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
BINARY: Final = "application/octet-stream"


async def answer(request: Request, path: Path, etag: str) -> Answer:
    """Answer with a file, as an attachment."""
    headers: tuple[Header, ...] = (
        (b"etag", etag.encode()),
        (b"accept-ranges", b"bytes"),
        (b"content-disposition", b"attachment"),
    )
    if etag in (request.header(b"if-none-match") or ""):
        return Answer(304, headers=headers)
    size = (await asyncio.to_thread(path.stat)).st_size
    wanted = request.header(b"range")
    if wanted is None or request.header(b"if-range") not in (None, etag):
        return Answer(200, b"", BINARY, headers, _pieces(path, 0, size), size)
    found = part(wanted, size)
    if found is None:
        return Answer(416, headers=(*headers, (b"content-range", f"bytes */{size}".encode())))
    begin, end = found
    more: Header = (b"content-range", f"bytes {begin}-{end - 1}/{size}".encode())
    return Answer(206, b"", BINARY, (*headers, more), _pieces(path, begin, end), end - begin)


def part(wanted: str, size: int) -> tuple[int, int] | None:
    """Return begin and end of the one range that is asked for; the whole for several, None for one beyond the end."""
    found = _RANGE.fullmatch(wanted.replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else None
    begin, end = int(first), min(size, int(last) + 1) if last else size
    return (begin, end) if begin < end else None


async def _pieces(path: Path, begin: int, end: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as stream:
        await asyncio.to_thread(stream.seek, begin)
        left = end - begin
        while left > 0 and (piece := await asyncio.to_thread(stream.read, min(_PIECE, left))):
            left -= len(piece)
            yield piece

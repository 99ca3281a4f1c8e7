"""Another network cache, asked for what this one lacks (slapos-master 5.3)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from pilothouse.server.api.slap.refusals import HttpRefusal

_TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
_LARGEST_INDEX: Final = 4 * 1024 * 1024


class Upstream:
    """The addresses of another cache; an empty one has nothing."""

    def __init__(self, contents: str, index: str) -> None:
        self._contents = contents.rstrip("/")
        self._index = index.rstrip("/")

    @property
    def has_index(self) -> bool:
        """Whether entries can be asked for."""
        return bool(self._index)

    @property
    def has_contents(self) -> bool:
        """Whether contents can be asked for."""
        return bool(self._contents)

    async def entries(self, key: str) -> bytes | None:
        """Return the JSON of a key, None when it has none. Raises HttpRefusal (502)."""
        async with self._opened(f"{self._index}/{key}") as response:
            if response is None:
                return None
            content = b""
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > _LARGEST_INDEX:
                    raise HttpRefusal(502, "the upstream cache sent an index entry that is too large")
            return content

    @asynccontextmanager
    async def content(self, name: str) -> AsyncIterator[AsyncIterator[bytes] | None]:
        """Open a content, None when it has none. Raises HttpRefusal (502)."""
        async with self._opened(f"{self._contents}/{name}") as response:
            yield None if response is None else response.aiter_bytes()

    @asynccontextmanager
    async def _opened(self, url: str) -> AsyncIterator[httpx.Response | None]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT) as client, client.stream("GET", url) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    yield None
                    return
                response.raise_for_status()
                yield response
        except httpx.HTTPError as error:
            raise HttpRefusal(502, f"the upstream cache failed: {type(error).__name__}") from error

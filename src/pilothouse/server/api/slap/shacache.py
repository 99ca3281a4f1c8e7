"""The network cache: contents by SHA-512, and the signed entries that lead to them (slapos-master 5.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from pilothouse.server.api.slap import bodies, downloads, refusals
from pilothouse.server.api.slap.content import ContentFolder, Incoming, IndexFolder, Pair, read_pairs
from pilothouse.server.api.slap.exchange import JSON, Answer, Request, text
from pilothouse.server.api.slap.options import Options
from pilothouse.server.api.slap.refusals import HttpRefusal
from pilothouse.server.api.slap.routes import Dialect, Route
from pilothouse.server.api.slap.upstream import Upstream
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError, NotFoundError

_WRITERS: Final = frozenset({"admin", "operator", "runner"})


def dialect(options: Options) -> Dialect:
    """Return the table of these paths; without its two folders each of them says so."""
    if options.cache_content is None or options.cache_metadata is None:
        off = Route(_not_configured, open=True)
        verbs = {"GET": off, "POST": off, "PUT": off}
        return Dialect(name="shacache", exact={"shacache": verbs}, below={"shacache/": verbs}, refuse=refusals.classic)
    cache = NetworkCache(ContentFolder(options.cache_content), IndexFolder(options.cache_metadata), options)
    upload = {"POST": Route(cache.upload, takes_body=False)}
    return Dialect(
        name="shacache",
        refuse=refusals.classic,
        exact={
            "shacache/cache": upload,
            "shacache/cache/": upload,
            "shacache/update": {"POST": Route(cache.update)},
        },
        below={
            # what is signed, or is named by its own sum, may be read by anybody
            "shacache/cache/": {"GET": Route(cache.content, open=True), "PUT": Route(cache.upload, takes_body=False)},
            "shacache/dir/": {"GET": Route(cache.entries, open=True), "PUT": Route(cache.index)},
        },
    )


class NetworkCache:
    """The cache's two folders, and the cache behind it."""

    def __init__(self, contents: ContentFolder, index: IndexFolder, options: Options) -> None:
        self._contents = contents
        self._index = index
        self._largest = options.largest_upload
        self._patience = options.body_timeout
        self._upstream = Upstream(options.cache_upstream_content, options.cache_upstream_metadata)

    async def content(self, request: Request) -> Answer:
        """Answer with a content, fetched from upstream and kept when it is not here."""
        name = _name(request)
        path = await asyncio.to_thread(self._contents.find, name)
        if path is None and self._upstream.has_contents:
            await self._fetch(name)
            path = await asyncio.to_thread(self._contents.find, name)
        if path is None:
            raise NotFoundError(f"there is no content {name[:16]}...")
        return await downloads.answer(request, path, f'"{name}"')

    async def upload(self, request: Request) -> Answer:
        """Keep a body; under a name, it must have that sum."""
        _may_write(request)
        wanted = _name(request) if request.method == "PUT" else ""
        bodies.announced(request.headers, self._largest)
        assert request.receive is not None  # noqa: S101 - routes that take no body have it
        async with self._incoming() as incoming:
            async for piece in bodies.pieces_of(request.receive, self._largest, self._patience):
                await asyncio.to_thread(incoming.write, piece)
            if wanted and incoming.sha512 != wanted:
                raise InvalidRequestError("Checksum mismatch")
            return text(await asyncio.to_thread(incoming.keep), 201)

    async def entries(self, request: Request) -> Answer:
        """Answer with the entries of a key, fetched from upstream and kept when they are not here."""
        key = _name(request)
        stored = await asyncio.to_thread(self._index.read, key)
        if stored is None and self._upstream.has_index:
            stored = await self._refreshed(key)
        if stored is None:
            raise NotFoundError(f"there are no entries for {key[:80]}")
        return Answer(200, stored, JSON)

    async def index(self, request: Request) -> Answer:
        """Replace the entries of a key by one."""
        _may_write(request)
        try:
            pair = msgspec.json.decode(request.body, type=Pair)
            msgspec.json.decode(pair[0])
            await asyncio.to_thread(self._index.write, _name(request), [pair])
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidRequestError(
                f"the body is no list of an entry's JSON text and its signature: {error}"
            ) from error
        return text("", 201)

    async def update(self, request: Request) -> Answer:
        """Drop entries that lead nowhere; with an upstream, ask it for every key again."""
        _may_write(request)
        if self._upstream.has_index:
            removed, updated = await self._refresh_all()
        else:
            removed, updated = await asyncio.to_thread(self._index.prune, lambda name: bool(self._contents.find(name)))
        return Answer(200, msgspec.json.encode({"removed": removed, "updated": updated}), JSON)

    async def _refresh_all(self) -> tuple[list[str], list[str]]:
        removed: list[str] = []
        updated: list[str] = []
        for key in await asyncio.to_thread(self._index.keys):
            if await self._refreshed(key) is None:
                await asyncio.to_thread(self._index.remove, key)
                removed.append(key)
            else:
                updated.append(key)
        return removed, updated

    async def _refreshed(self, key: str) -> bytes | None:
        if (content := await self._upstream.entries(key)) is None or not (pairs := read_pairs(content)):
            return None
        await asyncio.to_thread(self._index.write, key, pairs)
        return msgspec.json.encode(pairs)

    async def _fetch(self, name: str) -> None:
        async with self._upstream.content(name) as pieces:
            if pieces is None:
                return
            async with self._incoming() as incoming:
                async for piece in pieces:
                    await asyncio.to_thread(incoming.write, piece)
                if incoming.sha512 != name:
                    raise HttpRefusal(502, "the upstream cache sent another content than was asked for")
                await asyncio.to_thread(incoming.keep)

    @asynccontextmanager
    async def _incoming(self) -> AsyncIterator[Incoming]:
        incoming = await asyncio.to_thread(Incoming, self._contents.folder)
        try:
            yield incoming
        finally:
            incoming.discard()


def _may_write(request: Request) -> None:
    caller = request.caller
    if caller.kind == "user" and not caller.roles & _WRITERS:
        raise ForbiddenError(f"user {caller.name} may not write to the network cache; it takes the role operator")


def _name(request: Request) -> str:
    return request.path.rpartition("/")[2]


async def _not_configured(_: Request) -> Answer:
    raise HttpRefusal(503, "Shacache not configured")

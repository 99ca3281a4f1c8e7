"""The control server in the test's own event loop, on free ports, with real sockets, TLS and database."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import httpx
from sqlalchemy import Connection

from pilothouse.identity.authority import Authority, Issued, open_authority
from pilothouse.server import running
from pilothouse.server.doors import doors
from pilothouse.server.profile import Profile
from pilothouse.server.running import Doors, Started
from pilothouse.settings import Settings, load
from pilothouse.store.database import open_store

T = TypeVar("T")
PATIENCE = 60.0


class Server:
    """A running server; ``url`` is plain, ``secure`` is HTTPS, ``token`` the first administrator's."""

    def __init__(self, settings: Settings, database: str, started: Started) -> None:
        self.settings = settings
        self.database = database
        self.url = next((url for url in started.urls if url.startswith("http:")), "")
        self.secure = next((url for url in started.urls if url.startswith("https:")), "")
        self.token = started.token.reveal() if started.token else ""

    @property
    def authority(self) -> Path:
        return running.authority_of(self.settings)

    def client(self, token: str | None = "", pair: Issued | None = None, *, secure: bool = False) -> httpx.AsyncClient:
        """Return a client; ``token`` '' means the administrator's, None means none; ``pair`` proves it by TLS."""
        headers = {} if token is None else {"Authorization": f"Bearer {token or self.token}"}
        base, trust = (self.secure, self.trust(pair)) if secure or pair else (self.url, False)
        return httpx.AsyncClient(base_url=base, headers=headers, verify=trust, timeout=PATIENCE, trust_env=False)

    def trust(self, pair: Issued | None = None) -> ssl.SSLContext:
        """Return TLS that trusts the server's authority, with a certificate of the client's own."""
        context = ssl.create_default_context(cafile=str(self.authority / "ca.crt"))
        if pair is not None:
            file = self.settings.data / f"{pair.serial}.pem"
            file.write_text(pair.certificate + pair.key.reveal())
            context.load_cert_chain(file)
        return context

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Work on the database as the command line does, from outside the server."""
        store = await open_store(self.database)
        try:
            return await store.write(work)
        finally:
            await store.close()

    def root(self, now: float) -> Authority:
        """Return the authority, to make certificates that the server never saw."""
        return open_authority(self.authority, now)


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    database: str = "",
    profile: Profile | None = None,
    made: Doors | None = None,
    **settings: object,
) -> AsyncIterator[Server]:
    """Run a server until the block ends."""
    found = load(environ={}, **{"data": folder, "listen": "127.0.0.1:0", **settings})  # type: ignore[arg-type]
    where = database or f"sqlite:///{folder}/server.db"
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        running.run(found, profile or Profile(), where, made or doors(), started.set_result, stop)
    )
    await asyncio.wait([task, started], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield Server(found, where, started.result())
    finally:
        stop.set()
        await task

"""A headless server that plays sessions from memory and misbehaves on request: the client's opposite in tests."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from scramp import ScramException, ScramMechanism

from pilothouse.headless import limits, messages
from pilothouse.headless.envelope import Envelope, decode, encode
from pilothouse.headless.frame_streams import read_frame, read_preamble, write_frame
from pilothouse.headless.frames import PREAMBLE
from pilothouse.headless.kdf import make_secret
from pilothouse.headless.numbering import Numbering

NOW = "2025-11-22T01:15:00.000Z"
SALT = "$2b$10$abcdefghijklmnopqrstuu"
SECRET = "$2b$10$abcdefghijklmnopqrstuuFg45jv3coxNAIEirPs1LBkim/wHn7gC"
PASSWORD = "geheim"
SERVICE = "6f0c0000-0000-4000-8000-000000000001"
ENDINGS = MappingProxyType({"OK1": "ok", "BAD1": "failed"})


@dataclass
class Played:
    """A session in memory; LOOP never ends by itself."""

    sid: str
    start: messages.Start
    events: list[Any] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, make: Callable[[int], Any]) -> None:
        self.events.append(make(len(self.events) + 1))
        self.changed.set()

    def say(self, text: str) -> None:
        self.tell(lambda ev: messages.Log(self.sid, ev, NOW, 1, "stdout", text))

    def end(self, state: Any) -> None:
        count = len(self.start.jobs)
        self.tell(lambda ev: messages.SessionEnd(self.sid, ev, NOW, state, count, count, 0, 0, 1.5))

    @property
    def state(self) -> Any:
        last = self.events[-1] if self.events else None
        return last.state if isinstance(last, messages.SessionEnd) else "running"


@dataclass
class HeadlessPeer:
    """What the server answers; tests change the fields before a call, and read afterwards what has come."""

    port: int = 0
    auth: str = "challenge osuser"
    mechs: str = "SCRAM-SHA-256"
    kdf: messages.Kdf = field(default_factory=lambda: messages.Kdf("bcrypt", SALT, "sha256-b64"))
    users: dict[str, str] = field(default_factory=lambda: {"R41": SECRET})
    iterations: int = 4096
    certificate: ssl.SSLSocket | bytes | None = None
    refuse: messages.Refused | None = None
    final: str | None = None
    drop_start: int = 0
    gone: int = 0  # events that are no longer kept
    connections: int = 0
    received: list[messages.Message] = field(default_factory=list)
    sessions: list[Played] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    serving: set[asyncio.Task[Any]] = field(default_factory=set)

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.received if isinstance(message, kind)]

    def cut(self) -> None:
        for writer in self.open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        task = asyncio.current_task()
        assert task
        self.serving.add(task)
        try:
            await Conversation(self, reader, writer).hold()
        except (ConnectionError, ssl.SSLError, EOFError):
            pass
        finally:
            self.open.discard(writer)
            await closed(writer)


class Conversation:
    def __init__(self, peer: HeadlessPeer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.reader = reader
        self.writer = writer
        self.numbers = Numbering()
        self.following: asyncio.Task[None] | None = None

    async def tell(self, message: messages.Message, *, re: bool = True) -> None:
        envelope = Envelope(self.numbers.next(), message, self.numbers.received if re else None)
        await write_frame(self.writer, encode(envelope), 5)

    async def hear(self) -> Any:
        payload = await read_frame(self.reader, limits.FRAME_TO_SERVER, 20)
        if payload is None:
            raise EOFError
        envelope = decode(payload, messages.ClientMessage)
        self.numbers.check(envelope.n, envelope.re)
        self.peer.received.append(envelope.message)
        return envelope.message

    async def hold(self) -> None:
        if await read_preamble(self.reader, 5) != PREAMBLE:
            return
        self.writer.write(PREAMBLE)
        assert isinstance(await self.hear(), messages.Hello)
        greet = messages.Greet("1", SERVICE, "peer", self.peer.auth, self.peer.mechs, "", 1048576, NOW)
        await self.tell(greet)
        if await self.log_in(await self.hear()):
            try:
                while not isinstance(message := await self.hear(), messages.Bye):
                    await self.answer(message)
            finally:
                if self.following:
                    self.following.cancel()

    async def log_in(self, login: messages.Login) -> bool:
        if login.scram is None:
            await self.tell(messages.Welcome(login.user or "R41", "batch41"))
            return True
        server = ScramMechanism(login.mech).make_server(
            self._keys,
            channel_binding=("tls-server-end-point", self.peer.certificate) if self.peer.certificate else None,
        )
        try:
            server.set_client_first(login.scram)
            await self.tell(messages.Challenge(self.peer.kdf, server.get_server_first()))
            server.set_client_final((await self.hear()).scram)
        except ScramException:
            await self.tell(messages.Refused(200, "AUTH_FAILED", "login refused"))
            return False
        await self.tell(messages.Welcome(login.user, "batch41", scram=self.peer.final or server.get_server_final()))
        return True

    def _keys(self, name: str) -> Any:
        secret = self.peer.users.get(name, make_secret("nobody", self.peer.kdf.salt, "none"))
        salt, stored, server, _ = ScramMechanism("SCRAM-SHA-256").make_auth_info(secret, 4096)
        return salt, stored, server, self.peer.iterations

    async def answer(self, message: Any) -> None:
        match message:
            case messages.Start():
                await self.start(message)
            case messages.Query():
                played = self.of(message.session)
                await self.tell(messages.Status(played.sid, played.state, NOW, len(played.events)))
            case messages.Attach() if message.from_ <= self.peer.gone:
                await self.tell(messages.Error(502, "EVENTS_GONE", first=self.peer.gone + 1))
            case messages.Attach():
                played = self.of(message.session)
                await self.tell(messages.Attached(played.sid, played.state, 1, len(played.events)))
                self.follow(played, message.from_, message.events)
            case messages.Detach():
                if self.following:
                    self.following.cancel()
                await self.tell(messages.Detached(message.session))
            case messages.Ping():
                await self.tell(messages.Pong(message.id))

    async def start(self, start: messages.Start) -> None:
        if self.peer.refuse:
            await self.tell(self.peer.refuse)
            return
        known = [played for played in self.peer.sessions if played.start.request == start.request]
        played = known[0] if known else Played(f"01JD{len(self.peer.sessions):022d}", start)
        if not known:
            self.peer.sessions.append(played)
        if self.peer.drop_start:
            self.peer.drop_start -= 1
            raise EOFError
        accepted = messages.Accepted(played.sid, "queued", NOW, len(start.jobs), replay=bool(known))
        await self.tell(accepted)
        names = [job.id if isinstance(job, messages.Module) else "" for job in start.jobs]
        if not known and names[0] in ENDINGS:
            played.say("one")
            played.end(ENDINGS[names[0]])
        if start.wait != "none":
            self.follow(played, 1, start.events)

    def follow(self, played: Played, first: int, kind: str) -> None:
        self.following = asyncio.ensure_future(self._follow(played, first - 1, kind))

    async def _follow(self, played: Played, shown: int, kind: str) -> None:
        while True:
            played.changed.clear()
            for event in played.events[shown:]:
                if kind == "all" or isinstance(event, messages.SessionEnd):
                    await self.tell(event, re=False)
            shown = len(played.events)
            await played.changed.wait()

    def of(self, sid: str | None) -> Played:
        return next(played for played in self.peer.sessions if played.sid == sid)


@contextlib.asynccontextmanager
async def headless_peer(context: ssl.SSLContext | None = None, **fields: Any) -> AsyncIterator[HeadlessPeer]:
    """Serve on a free port of loopback until the block ends."""
    peer = HeadlessPeer(**fields)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.cut()
        await asyncio.gather(*peer.serving)


@contextlib.asynccontextmanager
async def babbler(first: bytes, *, stays: bool = False) -> AsyncIterator[HeadlessPeer]:
    """Serve bytes that are no protocol; with ``stays`` the connection is kept until the client goes."""
    peer = HeadlessPeer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        task = asyncio.current_task()
        assert task
        peer.serving.add(task)
        writer.write(first)
        with contextlib.suppress(ConnectionError):
            while stays and await reader.read(1024):
                pass
        await closed(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await asyncio.gather(*peer.serving)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()

"""One connection from its first byte to its last (headless 10.1); it may start and follow sessions, never end one."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from pilothouse.headless import limits
from pilothouse.headless.codes import ErrorCode, ProtocolError
from pilothouse.headless.envelope import decode
from pilothouse.headless.frame_streams import read_frame, read_preamble
from pilothouse.headless.frames import HEADER_SIZE, PREAMBLE, payload_size
from pilothouse.headless.messages import (
    Bye,
    ClientMessage,
    Error,
    Greet,
    Hello,
    Login,
    Ping,
    Pong,
    Refused,
    Response,
    Welcome,
)
from pilothouse.headless.server import login, oslogin
from pilothouse.headless.server.dispatch import Dispatch
from pilothouse.headless.server.login import Exchange, LoginRefusedError, Reception, Visitor
from pilothouse.headless.server.sending import Sender
from pilothouse.headless.server.sessions import Sessions
from pilothouse.headless.shim.eventlog import moment

_LOG: Final = logging.getLogger("pilothouse.headless")
_PINGS: Final = 2


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long each step may take, in seconds."""

    opening: float = limits.OPENING_TIME
    login: float = limits.LOGIN_TIME
    enrol: float = limits.ENROL_TIME
    idle: float = limits.IDLE_TIME
    keep_alive: float = limits.KEEP_ALIVE
    drop: float = limits.DROP_AFTER
    closing: float = limits.CLOSING_TIME
    penalty: float = 1.0


class Door(NamedTuple):
    """What a listener offers; ``binding`` is the hash of its certificate, None where it is plain."""

    service: str
    name: str
    auth: tuple[str, ...]
    mechanisms: tuple[str, ...]
    binding: bytes | None
    timing: Timing


class Connection:
    """Serves one client; ``settled`` is called once it is logged in."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        door: Door,
        reception: Reception,
        sessions: Sessions,
        settled: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._door = door
        self._timing = door.timing
        self._reception = reception
        self._sessions = sessions
        self._settled = settled
        self._sender = Sender(writer, door.timing.drop)
        self._address = str((writer.get_extra_info("peername") or ("local",))[0])

    async def serve(self) -> None:
        """Serve until one side closes; whatever the client does wrong ends this connection only."""
        try:
            visitor = await self._entrance()
            if visitor is not None:
                self._settled()
                await self._ready(visitor)
        except ProtocolError as error:
            await self._tell(error)
        except (ConnectionError, TimeoutError, OSError):
            return
        except Exception:  # noqa: BLE001 - a fault of ours is told as one, and never the details
            incident = os.urandom(6).hex()
            _LOG.exception("incident %s: a connection from %s failed", incident, self._address)
            await self._tell(ProtocolError(ErrorCode.INTERNAL, f"incident {incident}"))

    async def _entrance(self) -> Visitor | None:
        async with _limit(self._timing.opening):
            if (preamble := await read_preamble(self._reader, self._timing.opening)) != PREAMBLE:
                self._reception.strange(preamble, self._address)
                return None
            self._writer.write(PREAMBLE)
            hello = await self._next(limits.FRAME_BEFORE_LOGIN)
        match hello:
            case None:
                return None
            case Hello(versions=versions) if "1" in versions.replace(",", " ").split():
                await self._sender.answer(self._greeting())
            case Hello():
                raise ProtocolError(ErrorCode.PROTO_VERSION, "this server speaks version 1")
            case _:
                raise ProtocolError(ErrorCode.PROTO_STATE, "hello comes first")
        return await self._login()

    def _greeting(self) -> Greet:
        return Greet(
            version="1",
            service=self._door.service,
            name=self._door.name,
            auth=" ".join(self._door.auth),
            mechs=" ".join(self._door.mechanisms),
            features="",
            max_frame=limits.FRAME_TO_SERVER,
            time=moment(self._sessions.site.clock.time()),
        )

    async def _login(self) -> Visitor | None:
        loop = asyncio.get_running_loop()
        async with _limit(self._timing.login) as clock:
            for attempt in range(1, limits.LOGIN_ATTEMPTS + 1):
                message = await self._next(limits.FRAME_BEFORE_LOGIN)
                if message is None or isinstance(message, Bye):
                    return None
                if not isinstance(message, Login):
                    raise ProtocolError(ErrorCode.PROTO_STATE, "log in first")
                if message.purpose == "enrol":
                    clock.reschedule(loop.time() + self._timing.enrol)
                try:
                    return await self._prove(message)
                except LoginRefusedError as refused:
                    last = refused.code.fatal or attempt == limits.LOGIN_ATTEMPTS
                    await self._refuse(message, refused)
                    if last:
                        return None
        return None

    async def _prove(self, message: Login) -> Visitor | None:
        door = self._door
        if message.type_ not in door.auth or message.mech not in door.mechanisms:
            raise LoginRefusedError(ErrorCode.AUTH_TYPE, "this way to log in is not offered here")
        match message.mech:
            case "PEER":
                return await self._prove_by_peer(message)
            case "CERT":
                return await self._prove_by_certificate(message)
        exchange = await self._reception.begin(message, self._address, door.binding)
        await self._sender.answer(exchange.challenge())
        response = await self._next(limits.FRAME_BEFORE_LOGIN)
        if response is None:
            return None
        if not isinstance(response, Response):
            raise ProtocolError(ErrorCode.PROTO_STATE, "the proof comes next")
        return await self._admit(exchange, response)

    async def _admit(self, exchange: Exchange, response: Response) -> Visitor:
        self._reception.check_pace(exchange.login, self._address)
        final = exchange.finish(response.scram)
        visitor = await self._reception.proven(exchange, self._address)
        await self._welcome(visitor, final)
        return visitor

    async def _prove_by_peer(self, message: Login) -> Visitor:
        if message.type_ != "osuser":
            raise LoginRefusedError(ErrorCode.AUTH_TYPE, "PEER is for osuser")
        wire: socket.socket = self._writer.get_extra_info("socket")._sock  # noqa: SLF001 - what asyncio wraps
        account = await asyncio.to_thread(oslogin.peer_account, wire)
        if account is None:
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, "login refused", "the kernel does not know the peer")
        visitor = await self._reception.peer(
            account, oslogin.names_of_host(), message.user, self._address, "osuser peer"
        )
        await self._welcome(visitor, None)
        return visitor

    async def _prove_by_certificate(self, message: Login) -> Visitor:
        names = [value for kind, value in (self._writer.get_extra_info("peercert") or {}).get("subjectAltName", ())
                 if kind == "URI" and value.startswith("osuser:")]  # fmt: skip
        if message.type_ != "osuser" or not names:
            raise LoginRefusedError(ErrorCode.AUTH_FAILED, "login refused", "no certificate of an OS user")
        account, _, host = names[0].removeprefix("osuser:").partition("@")
        visitor = await self._reception.peer(account, [host], message.user, self._address, "osuser certificate")
        await self._welcome(visitor, None)
        return visitor

    async def _welcome(self, visitor: Visitor, final: str | None) -> None:
        last = visitor.user.last_login
        await self._sender.answer(
            Welcome(
                user=visitor.user.name,
                os_account=visitor.user.os_account,
                rights=" ".join(visitor.user.rights),
                idle=int(self._timing.idle),
                last_login=None if last is None else moment(last),
                scram=final,
            )
        )

    async def _refuse(self, message: Login, refused: LoginRefusedError) -> None:
        await self._reception.failed(message, self._address, refused)
        if refused.code == ErrorCode.AUTH_FAILED:
            await login.hold(self._timing.penalty)
        await self._sender.answer(
            Refused(code=int(refused.code), name=refused.code.name, text=refused.text, retry_after=refused.retry_after)
        )

    async def _ready(self, visitor: Visitor) -> None:
        try:
            async with asyncio.TaskGroup() as followers:
                dispatch = Dispatch(visitor, self._sessions, self._sender, followers)
                try:
                    await self._converse(dispatch)
                finally:
                    dispatch.leave()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None  # what came first ended the rest

    async def _converse(self, dispatch: Dispatch) -> None:
        silence = 0
        while True:
            try:
                async with asyncio.timeout(self._timing.keep_alive):
                    first = await self._reader.read(1)
            except TimeoutError:
                silence += 1
                if not await self._still_there(dispatch, silence):
                    return
                continue
            if not first:
                return
            silence = 0
            message = await self._rest(first)
            match message:
                case Bye():
                    return
                case Ping(id=name):
                    await self._sender.answer(Pong(id=name))
                case Pong():
                    continue
                case _:
                    await dispatch.take(message)

    async def _still_there(self, dispatch: Dispatch, silence: int) -> bool:
        if not dispatch.following and silence * self._timing.keep_alive >= self._timing.idle:
            await self._sender.say(Bye(reason="idle"))
            return False
        if silence > _PINGS:
            return False
        await self._sender.say(Ping(id=str(silence)))
        return True

    async def _next(self, limit: int) -> ClientMessage | None:
        payload = await read_frame(self._reader, limit, None)
        return None if payload is None else self._message(payload)

    async def _rest(self, first: bytes) -> ClientMessage:
        async with _limit(self._timing.drop):
            try:
                header = first + await self._reader.readexactly(HEADER_SIZE - 1)
                payload = await self._reader.readexactly(payload_size(header, limits.FRAME_TO_SERVER))
            except asyncio.IncompleteReadError:
                raise ConnectionError("the client closed in the middle of a frame") from None
        return self._message(payload)

    def _message(self, payload: bytes) -> ClientMessage:
        envelope = decode(payload, ClientMessage)
        self._sender.heard(envelope)
        return envelope.message  # type: ignore[return-value]

    async def _tell(self, error: ProtocolError) -> None:
        with contextlib.suppress(ProtocolError, OSError, TimeoutError):
            message = Error(code=int(error.code), name=error.code.name, fatal=True, text=error.reason)
            async with asyncio.timeout(self._timing.closing):
                await self._sender.say(message)


@contextlib.asynccontextmanager
async def _limit(seconds: float):  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(seconds) as clock:
            yield clock
    except TimeoutError:
        raise ProtocolError(ErrorCode.STEP_TIMEOUT, f"nothing complete came within {seconds:g} s") from None

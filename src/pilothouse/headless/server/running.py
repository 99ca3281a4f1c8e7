"""The server of headless batches from its settings to its end."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
import sys
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from pilothouse.clock import Clock, SystemClock
from pilothouse.errors import RefusedError, SettingsError
from pilothouse.files import write_atomic
from pilothouse.headless.server import oslogin
from pilothouse.headless.server.acceptance import Site
from pilothouse.headless.server.bounds import Bounds, SessionLimits, named_numbers
from pilothouse.headless.server.connection import Door, Timing
from pilothouse.headless.server.engine import environment_of
from pilothouse.headless.server.leaving import cancel_all
from pilothouse.headless.server.listeners import Hall
from pilothouse.headless.server.login import PLAIN, PLUS, Reception, binding_of
from pilothouse.headless.server.retention import Retention
from pilothouse.headless.server.seat import Seat
from pilothouse.headless.server.sessions import Sessions
from pilothouse.settings import Settings
from pilothouse.store import headless_accounts
from pilothouse.store.contract import Store

_LOG: Final = logging.getLogger("pilothouse.headless")
_SECRET: Final = 32
T = TypeVar("T", bound=msgspec.Struct)


class Listener(NamedTuple):
    """A bound socket, and how it is encrypted, if it is; ``certificate`` is the server's, in DER."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None
    certificate: bytes | None = None

    @property
    def address(self) -> str:
        """Return where it is."""
        host, port = self.socket.getsockname()[:2]
        return f"{f'[{host}]' if ':' in host else host}:{port}"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is told besides its listeners."""

    data: Path
    python: str = sys.executable
    auth: tuple[str, ...] = ("challenge", "osuser")
    shared_account: bool = False
    bounds: Bounds = Bounds()
    limits: SessionLimits = SessionLimits()
    timing: Timing = Timing()
    engine: dict[str, str] = {}


def config_of(settings: Settings) -> Config:
    """Return what the settings say. Raises SettingsError."""
    named = named_numbers(settings.headless_limits)
    bounds, limits = _taken(named, Bounds), _taken(named, SessionLimits)
    if named:
        allowed = ", ".join((*Bounds.__struct_fields__, *SessionLimits.__struct_fields__))
        raise SettingsError(f"headless_limits: {next(iter(named))} is unknown; allowed: {allowed}")
    unknown = set(settings.headless_auth) - {"challenge", "osuser"}
    if unknown or not settings.headless_auth:
        raise SettingsError("headless_auth: give challenge, osuser, or both")
    return Config(
        data=settings.data / "headless",
        python=str(settings.headless_python or sys.executable),
        auth=settings.headless_auth,
        shared_account=settings.headless_shared_account,
        bounds=bounds,
        limits=limits,
        engine=environment_of(settings),
    )


def _taken(named: dict[str, float], kind: type[T]) -> T:
    names = [name for name in msgspec.structs.fields(kind) if name.name in named]
    try:
        return msgspec.convert({each.name: named.pop(each.name) for each in names}, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"headless_limits: {error}") from None


async def serve(
    config: Config,
    store: Store,
    listeners: Sequence[Listener],
    started: Callable[[], None],
    stop: asyncio.Event,
    clock: Clock | None = None,
) -> None:
    """Serve until ``stop`` is set; sessions go on. Raises RefusedError, SettingsError, StoreError before that."""
    clock = clock or SystemClock()
    await _check_accounts(store, shared=config.shared_account)
    identity = await asyncio.to_thread(identity_of, config.data)
    seat = await asyncio.to_thread(Seat, config.data)
    try:
        await _serve(config, store, clock, identity, seat, listeners, started, stop)
    finally:
        seat.leave()


async def _serve(
    config: Config,
    store: Store,
    clock: Clock,
    identity: "Identity",
    seat: Seat,
    listeners: Sequence[Listener],
    started: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    site = Site(
        store=store,
        clock=clock,
        service=identity.service,
        spools=config.data / "spool",
        python=config.python,
        bounds=config.bounds,
        limits=config.limits,
        engine=config.engine,
    )
    sessions = Sessions(site)
    hall = Hall(Reception(store, clock, identity.secret), sessions, config.bounds)
    ready = asyncio.Event()
    tasks = {asyncio.create_task(sessions.run(ready.set)), asyncio.create_task(Retention(sessions).run())}
    waiting = asyncio.create_task(stop.wait())
    try:
        first = asyncio.create_task(ready.wait())
        await asyncio.wait({first, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        async with contextlib.AsyncExitStack() as stack:
            for each in listeners if ready.is_set() else ():
                await stack.enter_async_context(await hall.open(each.socket, each.tls, door(config, identity, each)))
            if ready.is_set():
                started()
            await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            sessions.draining = True
            if stop.is_set() and (mode := await asyncio.to_thread(seat.cancels)) is not None:
                await _unless(cancel_all(sessions, mode), tasks)
            await hall.close()
            # half a launch would be a lost session at the next start
            await _unless(sessions.drain(), tasks)
    finally:
        waiting.cancel()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _unless(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    """Do it, unless what it needs ends."""
    doing = asyncio.create_task(work)
    await asyncio.wait({doing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing


class Identity(NamedTuple):
    """What makes this server itself: its id, and the secret behind what strangers are shown."""

    service: str
    secret: bytes


def identity_of(data: Path) -> Identity:
    """Return this server's identity, made at the first start. Raises OSError."""
    (data / "spool").mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    kept = data / "identity"
    if not kept.exists():
        write_atomic(kept, f"{uuid.uuid4()} {os.urandom(_SECRET).hex()}\n".encode(), mode=0o600, durable=True)
    service, secret = kept.read_text("ascii").split()
    return Identity(service, bytes.fromhex(secret))


def door(config: Config, identity: Identity, listener: Listener) -> Door:
    """Return what a listener offers: bound logins over TLS, the kernel's word on loopback."""
    binding = None if listener.certificate is None else binding_of(listener.certificate)
    if listener.tls is None:
        mechanisms = [PLAIN] + (["PEER"] if "osuser" in config.auth else [])
    else:
        mechanisms = [PLUS]
        if "osuser" in config.auth and listener.tls.verify_mode != ssl.CERT_NONE:
            mechanisms.append("CERT")
    return Door(identity.service, socket.gethostname(), config.auth, tuple(mechanisms), binding, config.timing)


async def _check_accounts(store: Store, *, shared: bool) -> None:
    users = await store.read(headless_accounts.users)
    for user in users:
        try:
            oslogin.account_of(user.os_account)
        except SettingsError as error:
            raise RefusedError(f"headless user {user.name}: {error}") from None
    if os.geteuid() != 0:
        if len(users) > 1 and not shared:
            raise RefusedError(
                f"the jobs of {len(users)} headless users would all run as this server and reach each other's files: "
                "start it as root, or set headless_shared_account"
            )
        _LOG.warning("not root: all headless jobs run as this server's own account, and can reach its files")

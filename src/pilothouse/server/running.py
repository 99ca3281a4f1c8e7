"""One server process from its settings to its end: bind, open the database, serve, stop."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from pilothouse.clock import SystemClock
from pilothouse.errors import SettingsError
from pilothouse.headless.server.running import Listener
from pilothouse.identity.authority import Authority, open_authority
from pilothouse.identity.caller import LOCAL
from pilothouse.jobs.secret import Secret
from pilothouse.server import administration, batches, inheritance, listen, original
from pilothouse.server.app import Parts, RestFactory, SlapFactory, make_app
from pilothouse.server.following import Following
from pilothouse.server.listen import Endpoint
from pilothouse.server.master.formatting import register
from pilothouse.server.profile import Profile
from pilothouse.settings import Settings
from pilothouse.store import products
from pilothouse.store.contract import Store
from pilothouse.store.database import open_store


class Started(NamedTuple):
    """What there is to say once the server listens; ``token`` is the first administrator's, and shown only now."""

    urls: tuple[str, ...]
    token: Secret | None


class Doors(NamedTuple):
    """The interfaces that are put together: the SLAP dialects, the routes of our own, and REST."""

    slap: SlapFactory
    routes: tuple[Any, ...] = ()
    rest: RestFactory | None = None


async def run(
    settings: Settings,
    profile: Profile,
    database: Path | str,
    doors: Doors,
    started: Callable[[Started], None],
    stop: asyncio.Event,
) -> None:
    """Serve until ``stop`` is set. Raises SettingsError, RefusedError, StoreError before it serves anything."""
    clock = SystemClock()
    authority = await asyncio.to_thread(open_authority, authority_of(settings), clock.time())
    endpoints = await asyncio.to_thread(bound, settings, authority, clock.time())
    headless: list[Listener] = []
    try:
        headless = await asyncio.to_thread(
            batches.bound, settings, lambda host: tls_of(settings, authority, host, clock.time())
        )
        store = await open_store(database)
        try:
            await inherit(store, profile.original, clock.time())
            token = await prepared(store, profile, clock.time())
            following = Following(store)
            parts = Parts(settings, profile, store, authority, clock)
            app = make_app(parts, doors.slap, list(doors.routes), doors.rest, following)
            urls = tuple(endpoint.url for endpoint in endpoints)
            found = tuple(f"headless {'TLS ' if each.tls else ''}{each.address}" for each in headless)
            web = listen.serve(app, endpoints, stop, lambda: started(Started((*urls, *found), token)))
            async with following.running(stop):
                if headless:
                    await batches.beside(settings, store, headless, stop, web)
                else:
                    await web
        finally:
            await store.close()
    finally:
        batches.close(headless)
        for endpoint in endpoints:
            endpoint.socket.close()


async def inherit(store: Store, path: Path | None, now: float) -> None:
    """Bring over the database of the original that stands beside ours, at the first start. Raises SettingsError."""
    if path is None or await store.read(inheritance.inherited):
        return
    found = await asyncio.to_thread(original.read, path)
    await store.write(lambda connection: inheritance.inherit(connection, path, found, now))


async def prepared(store: Store, profile: Profile, now: float) -> Secret | None:
    """Put into the database what the profile needs there; returns the first administrator's token, if just made."""

    def work(connection: Connection) -> Secret | None:
        for name, url in profile.products.items():
            if products.urls(connection, name)[:1] != [url]:
                products.add(connection, name, url)
        if profile.login:
            return administration.first_administrator(connection, LOCAL, now)
        computer = profile.policy.default_computer
        if computer:
            register(connection, LOCAL, computer, now)  # it answers before it is formatted (2.1)
        return None

    return await store.write(work)


def authority_of(settings: Settings) -> Path:
    """Return the folder of the certificate authority."""
    return settings.authority or settings.data / "ca"


def bound(settings: Settings, authority: Authority, now: float) -> list[Endpoint]:
    """Return the sockets that the settings ask for, plain first. Raises SettingsError, RefusedError."""
    found: list[Endpoint] = []
    if settings.listen:
        plain = listen.address(settings.listen, "listen")
        listen.check_plain(plain, allowed=settings.allow_plain)
        found.append(listen.bind(plain))
    if settings.tls_listen:
        where = listen.address(settings.tls_listen, "tls_listen")
        found.append(listen.bind(where, tls_of(settings, authority, where.host, now)))
    if not found:
        raise SettingsError("listen and tls_listen are both empty: there is nowhere to serve")
    return found


def tls_of(settings: Settings, authority: Authority, host: str, now: float) -> ssl.SSLContext:
    """Return TLS with the certificate that is given, else with one of our own authority."""
    if settings.tls_certificate is not None:
        key = settings.tls_key or settings.tls_certificate  # one file may hold both
        return listen.given_tls(settings.tls_certificate, key, authority, settings.client_certificates)
    names = settings.server_names or tuple(dict.fromkeys([socket.gethostname(), "localhost", "127.0.0.1", "::1"]))
    if host not in {"0.0.0.0", "::", *names}:  # noqa: S104 - these are no names that a certificate could have
        names = (*names, host)
    return listen.own_tls(authority, names, settings.client_certificates, now)

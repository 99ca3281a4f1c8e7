"""Headless batches beside the control server, or alone: their listeners from the settings (headless 8.1)."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pilothouse.errors import RefusedError
from pilothouse.headless.server import running
from pilothouse.headless.server.certificate import presented
from pilothouse.headless.server.running import Listener
from pilothouse.server import listen
from pilothouse.settings import Settings
from pilothouse.store.contract import Store

_PLAIN: Final = "headless_listen"
_TLS: Final = "headless_tls_listen"

MakeTls = Callable[[str], Any]


def bound(settings: Settings, tls_of: MakeTls) -> list[Listener]:
    """Return the sockets that the settings ask for. Raises SettingsError, RefusedError for plain off loopback."""
    found: list[Listener] = []
    try:
        if settings.headless_listen:
            found.append(Listener(listen.bind(_plain(settings.headless_listen)).socket))
        if settings.headless_tls_listen:
            where = listen.address(settings.headless_tls_listen, _TLS)
            context = tls_of(where.host)
            found.append(Listener(listen.bind(where).socket, context, presented(context)))
    except BaseException:
        close(found)
        raise
    return found


def _plain(text: str) -> listen.Address:
    where = listen.address(text, _PLAIN)
    if not listen.is_loopback(where.host):
        raise RefusedError(
            f"{_PLAIN} {text}: other machines reach this address, and plain TCP can be read and changed on the way; "
            f"use {_TLS}"
        )
    return where


def close(listeners: list[Listener]) -> None:
    """Close the sockets."""
    for each in listeners:
        each.socket.close()


async def beside(
    settings: Settings, store: Store, listeners: list[Listener], stop: asyncio.Event, other: Coroutine[Any, Any, None]
) -> None:
    """Serve headless batches while ``other`` serves; the end of one is the end of both."""
    ready = asyncio.Event()
    batches = asyncio.create_task(running.serve(running.config_of(settings), store, listeners, ready.set, stop))
    main = asyncio.create_task(other)
    try:
        await asyncio.wait({batches, main}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await asyncio.gather(batches, main)
    finally:
        for task in (batches, main):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

"""Open a TCP connection to an SSH server, and say exactly what was met when it is none."""

import asyncio
import errno
import ipaddress
import socket
from typing import Any, Final

from pilothouse.errors import UnreachableError

DEFAULT_PORT: Final = 22
_GREETING: Final = b"SSH-"
_PEEKED: Final = 1024
_PATIENCE: Final = 2.0
_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 0.2
_SHOWN: Final = 60
_WORDS: Final = {
    errno.ECONNREFUSED: "refuses connections; is an SSH server running there?",
    errno.EHOSTUNREACH: "cannot be reached: no route to the host",
    errno.ENETUNREACH: "cannot be reached: no route to its network",
    errno.ETIMEDOUT: "does not answer",
    errno.EMFILE: "cannot be reached: this process has too many files open; raise `ulimit -n`",
}


class CutOffError(Exception):
    """The server went away during the handshake: worth another try."""


class _BusyError(Exception):
    """The server closed at once, as sshd does above MaxStartups: worth another try."""


async def dial(host: str, port: int) -> socket.socket:
    """Return a socket on which an SSH server has begun to speak, nothing read from it yet.

    Tries again a few times when the server closes at once. Raises UnreachableError. Never ends by itself
    when the other side is silent: the caller sets the time limit.
    """
    where = f"{host}:{port}"
    pause = _FIRST_PAUSE
    for attempt in range(_ATTEMPTS):
        connection = await _connect(host, port, where)
        try:
            await _greeted(connection, where)
        except _BusyError as error:
            connection.close()
            if attempt == _ATTEMPTS - 1:
                raise UnreachableError(str(error)) from None
            import random  # noqa: PLC0415 - only after a failure

            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads those turned away together
            pause *= 2
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError(where)


async def _connect(host: str, port: int, where: str) -> socket.socket:
    failure: OSError | None = None
    for family, address in await _addresses(host, port, where):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(connection, address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    code = failure.errno if failure else None
    text = _WORDS.get(code or 0) or f"cannot be reached: {failure.strerror if failure else 'it has no address'}"
    raise UnreachableError(f"{where} {text}") from failure


async def _addresses(host: str, port: int, where: str) -> list[tuple[socket.AddressFamily, Any]]:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        pass
    else:
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]  # noqa: PLR2004 - IPv4
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "it is no host name"
        raise UnreachableError(
            f"{where}: the name {host!r} cannot be resolved ({why}); check the node's host"
        ) from None
    return [(family, address) for family, _, _, _, address in found]


async def _greeted(connection: socket.socket, where: str) -> None:
    """Wait until the server's version is there to be read; a few lines may precede it."""
    await _readable(connection)
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        try:
            seen = connection.recv(_PEEKED, socket.MSG_PEEK)
        except OSError as error:
            raise _BusyError(f"{where} ended the connection at once: {error.strerror}") from None
        if seen.startswith(_GREETING) or b"\n" + _GREETING in seen:
            return
        if not seen or seen.startswith((b"Exceeded MaxStartups", b"Not allowed at this time")):
            raise _BusyError(
                f"{where} accepted the connection and closed it at once; its sshd may be overloaded (MaxStartups)"
            )
        if len(seen) >= _PEEKED or asyncio.get_running_loop().time() > deadline:
            raise UnreachableError(f"{where} is no SSH server: it began with {seen[:_SHOWN]!r}; check the port")
        await asyncio.sleep(0.05)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    # the number, because the loop would describe a socket in words
    descriptor = connection.fileno()
    loop.add_reader(descriptor, _note, ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _note(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)

"""Where the server listens: addresses, TLS, and uvicorn in the event loop that is already there."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvicorn

from pilothouse.errors import RefusedError, SettingsError
from pilothouse.identity.authority import Authority
from pilothouse.server.peer import PeerProtocol
from pilothouse.settings import ClientCertificates

LAST_REQUESTS: Final = 30  # seconds that running requests may take once the server is told to stop
_HIGHEST_PORT: Final = 65535
_VERIFY: Final[dict[ClientCertificates, ssl.VerifyMode]] = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class Address(NamedTuple):
    """An address to listen on; port 0 means any free one."""

    host: str
    port: int

    def url(self, *, secure: bool) -> str:
        """Return it as people type it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if secure else ''}://{host}:{self.port}"


class Endpoint(NamedTuple):
    """A bound socket, and how it is encrypted, if it is."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Return where it is."""
        host, port = self.socket.getsockname()[:2]
        return Address(host, port).url(secure=self.tls is not None)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: whoever started us decides when to stop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def address(text: str, setting: str) -> Address:
    """Return ``HOST:PORT`` or ``[HOST]:PORT`` in parts. Raises SettingsError."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > _HIGHEST_PORT:
        raise SettingsError(f"{setting} {text!r}: give an address and a port, such as 127.0.0.1:8080 or [::1]:8080")
    return Address(host.strip("[]"), int(port))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_plain(where: Address, *, allowed: bool) -> None:
    """Refuse plain HTTP where others can listen in. Raises RefusedError."""
    if not allowed and not is_loopback(where.host):
        raise RefusedError(
            f"listen {where.host}:{where.port}: other machines reach this address, and plain HTTP shows them every "
            "token; serve TLS instead (--tls-listen), or say --allow-plain if something in front of it encrypts"
        )


def bind(where: Address, tls: ssl.SSLContext | None = None) -> Endpoint:
    """Return a bound socket. Raises SettingsError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    # named as TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for an acknowledgement
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((where.host, where.port))
    except OSError as error:
        bound.close()
        raise SettingsError(f"cannot listen on {where.host}:{where.port}: {error.strerror or error}") from None
    return Endpoint(bound, tls)


def own_tls(authority: Authority, names: Sequence[str], clients: ClientCertificates, now: float) -> ssl.SSLContext:
    """Return TLS with a certificate of our own authority, made anew at each start."""
    issued = authority.issue("server", names[0], now, names)
    # OpenSSL takes certificates from files only
    with tempfile.TemporaryDirectory(prefix="pilothouse-") as folder:
        file = Path(folder) / "server.pem"
        file.touch(mode=0o600)
        file.write_text(issued.certificate + issued.key.reveal(), "ascii")
        return given_tls(file, file, authority, clients)


def given_tls(certificate: Path, key: Path, authority: Authority, clients: ClientCertificates) -> ssl.SSLContext:
    """Return TLS with the site's certificate; clients prove themselves with certificates of our authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # what is wrong with a certificate is an OSError too
        raise SettingsError(f"{certificate}, {key}: not a certificate and its key: {error}") from None
    context.load_verify_locations(cadata=authority.root_pem.decode("ascii"))
    context.verify_mode = _VERIFY[clients]
    return context


async def serve(app: Any, endpoints: Sequence[Endpoint], stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve until ``stop`` is set, then finish the requests that run; ``ready`` is called once all listen."""
    servers = [_server(app, endpoint) for endpoint in endpoints]
    async with asyncio.TaskGroup() as group:
        for server, endpoint in zip(servers, endpoints, strict=True):
            group.create_task(server.serve(sockets=[endpoint.socket]))
        for server in servers:
            await server.listening.wait()
        ready()
        await stop.wait()
        for server in servers:
            server.should_exit = True


def _server(app: Any, endpoint: Endpoint) -> _Server:
    config = uvicorn.Config(
        app,
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=LAST_REQUESTS,
        ssl_context_factory=None if endpoint.tls is None else lambda *_: endpoint.tls,  # type: ignore[arg-type]
    )
    return _Server(config)

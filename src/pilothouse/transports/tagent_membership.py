"""A daemon's registration with a runner, and its signs of life to it (spec section 7.7)."""

import asyncio
import hashlib
import json
import logging
import os
import platform
import pwd
import secrets
import socket
import string
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.files import write_atomic
from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_credential import CredentialFile

_LOG: Final = logging.getLogger(__name__)
_VERSION: Final = "1.5.4"
_LETTERS: Final = string.ascii_letters + string.digits
_CREDENTIAL_LENGTH: Final = 16
_ACCEPTED: Final = frozenset({"OK", "SUCCEED"})
_ANSWER_SECONDS: Final = 60.0
_LONGEST_LINE: Final = 1 << 20


class Proxy(msgspec.Struct, frozen=True):
    """Where signs of life are sent."""

    ip: str
    port: int


class Membership(msgspec.Struct, frozen=True, rename="camel"):
    """What a runner answered; kept beside the credential."""

    tagent_id: int | str | None = None
    proxy_group_id: int | str | None = None
    proxy_list: tuple[Proxy, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    status: str = msgspec.field(default="", name="Status")
    data: Membership = msgspec.field(default=Membership(), name="Data")
    message: str = msgspec.field(default="", name="Message")


class Pace(msgspec.Struct, frozen=True):
    """Seconds: between attempts, and between signs of life before and after the first good answer."""

    again: float = 5.0
    first: float = 10.0
    steady: float = 180.0


class Member:
    """A daemon at ``port`` that belongs to a runner; ``addresses`` are those to register at, one after the other."""

    def __init__(
        self,
        addresses: Sequence[str],
        tenant: str,
        credential: CredentialFile,
        state: Path,
        port: int,
        pace: Pace = Pace(),  # noqa: B008 - a frozen value
    ) -> None:
        self._addresses = list(addresses)
        self._tenant = tenant
        self._credential = credential
        self._state = state
        self._port = port
        self._pace = pace
        self._known = _read(state)
        self._own: list[str] = []
        self._begun = time.monotonic()

    async def run(self) -> None:
        """Register, then show signs of life, for ever; whatever goes wrong is tried again."""
        self._own = await asyncio.to_thread(_addresses)
        while True:
            await self._register()
            if not self._known.proxy_list:
                return
            await self._live()

    async def _register(self) -> None:
        attempt = _rank(self._own, len(self._addresses))
        while True:
            address = self._addresses[attempt % len(self._addresses)]
            try:
                answer = await _post(address, self._described())
                if answer.status in _ACCEPTED:
                    self._known = answer.data
                    await asyncio.to_thread(write_atomic, self._state, msgspec.json.encode(self._known), mode=0o600)
                    _LOG.info("registered as %s", self._known.tagent_id)
                    return
                _LOG.warning("the runner refused the registration: %s", answer.message or answer.status)
            except (OSError, ValueError) as error:
                _LOG.warning("registration failed: %s", error)
            attempt += 1
            await asyncio.sleep(self._pace.again)

    async def _live(self) -> None:
        """Keep a connection to one of the group's servers until the group changes or is to be asked for anew."""
        turn = _rank(self._own, len(self._known.proxy_list))
        group = self._known
        while self._known is group:
            proxy = group.proxy_list[turn % len(group.proxy_list)]
            try:
                reader, writer = await asyncio.open_connection(proxy.ip, proxy.port, limit=_LONGEST_LINE)
                try:
                    await self._beat(proxy, reader, writer)
                finally:
                    writer.close()
            except (OSError, TimeoutError, ValueError) as error:
                _LOG.warning("no sign of life could be sent: %s", error or "no answer")
                await asyncio.sleep(self._pace.again)
            turn += 1

    async def _beat(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        group, pause = self._known, self._pace.first
        while self._known is group:
            writer.write(json.dumps(self._sign(proxy)).encode() + b"\n")
            await writer.drain()
            end, good = time.monotonic() + _ANSWER_SECONDS, None
            while good is None:
                if (found := await _line_until(reader, end)) is None:
                    raise TimeoutError
                good = await self._obey(found)
            if good:
                pause = self._pace.steady
            end = time.monotonic() + pause
            while self._known is group and (line := await _line_until(reader, end)) is not None:
                await self._obey(line)

    async def _obey(self, found: dict[str, Any]) -> bool | None:
        """Do what a line asks for; returns whether it is a good answer to a sign of life, None for anything else."""
        order = _ORDERS.get(str(found.get("type")))
        if order is not None:
            _LOG.info("the runner asks for %s", found["type"])
            await order(self, found)
        return str(found["Status"]) in _ACCEPTED if "Status" in found else None

    async def reload(self, _: dict[str, Any]) -> None:
        """Read the credential and what is known of the runner again, and register anew."""
        await asyncio.to_thread(self._credential.load)
        self._known = await asyncio.to_thread(_read, self._state)

    async def reset(self, _: dict[str, Any]) -> None:
        """Take a new credential; the registration that follows tells it to the runner."""
        await asyncio.to_thread(self._credential.change, new_credential())
        self._known = msgspec.structs.replace(self._known)

    async def regroup(self, found: dict[str, Any]) -> None:
        """Take other servers for signs of life; an answer without any changes nothing."""
        servers = [item.rpartition(":") for item in str(found.get("groupinfo") or "").split(",") if item]
        proxies = tuple(Proxy(ip, int(port)) for ip, _, port in servers)
        if proxies and proxies != self._known.proxy_list:
            self._known = msgspec.structs.replace(self._known, proxy_list=proxies)

    def _described(self) -> dict[str, Any]:
        return {
            "tenant": self._tenant,
            "tagentId": self._known.tagent_id,
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "port": self._port,
            "ipString": ",".join(self._own),
            "name": socket.gethostname(),
            "version": _VERSION,
            "osType": platform.system(),
            "osVersion": platform.release(),
            "osbit": str(struct.calcsize("P") * 8),
            "credential": tagent_wire.seal_credential(self._credential.text),
        }

    def _sign(self, proxy: Proxy) -> dict[str, Any]:
        return {
            "type": "monitor",
            "tenant": self._tenant,
            "agentId": self._known.tagent_id,
            "port": self._port,
            "ipString": ",".join(self._own),
            "proxyGroup": ",".join(f"{item.ip}:{item.port}" for item in self._known.proxy_list),
            "proxyGroupId": self._known.proxy_group_id,
            "proxyIp": proxy.ip,
            "proxyPort": proxy.port,
            "pcpu": round(100 * time.process_time() / max(1.0, time.monotonic() - self._begun), 1),
            "mem": _memory(),
            "status": "working",
            "version": _VERSION,
            "appsInfo": {},
        }


_ORDERS: Final[dict[str, Callable[[Member, dict[str, Any]], Awaitable[None]]]] = {
    "reload": Member.reload,
    "resetcred": Member.reset,
    "updategroup": Member.regroup,
}


def new_credential() -> str:
    """Return a random credential as daemons make them."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_CREDENTIAL_LENGTH))


def _read(state: Path) -> Membership:
    try:
        return msgspec.json.decode(state.read_bytes(), type=Membership)
    except (OSError, msgspec.DecodeError):
        return Membership()


async def _line(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return the object in the next line. Raises OSError at the end and for anything else, ValueError for no JSON."""
    line = await reader.readline()
    if not line:
        raise ConnectionResetError("the runner ended the connection")
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ConnectionAbortedError("the runner sent a line that is no object")
    return found


async def _line_until(reader: asyncio.StreamReader, end: float) -> dict[str, Any] | None:
    """Return the next line's object; None when there is none in time. What a line asks for takes its own time."""
    try:
        async with asyncio.timeout(max(0.0, end - time.monotonic())):
            return await _line(reader)
    except TimeoutError:
        return None


async def _post(address: str, body: dict[str, Any]) -> _Answer:
    import httpx  # noqa: PLC0415 - only daemons that register pay for it

    # each request would otherwise stand in the daemon's log
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            response = await client.post(address, json=body)
        return msgspec.json.decode(response.content, type=_Answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"{address}: {error or type(error).__name__}") from None


def _addresses() -> list[str]:
    """Return this machine's own IPv4 addresses, those of loopback left out."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:
        found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # nothing is sent: this only asks which address would be taken
            probe.connect(("192.0.2.1", 9))
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(address for address in found if not address.startswith("127."))


def _rank(addresses: list[str], count: int) -> int:
    """Return where to begin in a list of servers, so that daemons spread over them."""
    return int(hashlib.md5(",".join(addresses).encode(), usedforsecurity=False).hexdigest(), 16) % max(1, count)


def _memory() -> int:
    """Return the memory in use by this process, in KiB."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except (OSError, ValueError, IndexError):
        return 0

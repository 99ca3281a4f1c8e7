"""The load generator: a process of its own, so that its processor time is not the server's.

An Order on stdin, an Outcome on stdout. Each client sends its next request when it has its answer.
"""

import asyncio
import contextlib
import itertools
import re
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from benchmarks.places import REPOSITORY

_LARGEST: Final = 64 * 1024 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSING: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_PLACE: Final = re.compile(rb"<string>slap_computer_partition_id</string><string>([^<]*)<")
_GRACE: Final = 60.0


class Target(msgspec.Struct, frozen=True):
    """Where a server listens; ``authority`` is the file of who signed its certificate, empty for plain HTTP."""

    host: str
    port: int
    authority: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: whole requests as they go over the wire, each once or in circles for ``seconds``.

    ``kept``: a client sends all its requests on one connection, as long as the server lets it.
    """

    target: Target
    requests: list[bytes]
    clients: int
    seconds: float
    circle: bool
    kept: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: ``cpu`` is the generator's own, times are in seconds, ``p50`` and ``p99`` in milliseconds.

    ``places`` counts the different partitions that answers named; ``size`` is the last answer's, in bytes.
    """

    answered: int
    failed: int
    reason: str
    wall: float
    cpu: float
    p50: float
    p99: float
    places: int
    size: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.wall if self.wall else 0.0


def run(order: Order) -> Outcome:
    """Carry out the order in a process of its own. Raises RuntimeError when the generator itself broke."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.server.load"],
        cwd=REPOSITORY,
        input=msgspec.msgpack.encode(order),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator broke off with exit code {done.returncode}; see above")
    return msgspec.msgpack.decode(done.stdout, type=Outcome)


class _Load:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests: Iterator[bytes] = itertools.cycle(order.requests) if order.circle else iter(order.requests)
        self._tls = ssl.create_default_context(cafile=order.target.authority) if order.target.authority else None
        self.times: list[float] = []
        self.places: set[bytes] = set()
        self.failed = 0
        self.reason = ""
        self.size = 0

    async def all(self) -> None:
        deadline = time.perf_counter() + self._order.seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(self._order.clients):
                group.create_task(self._client(deadline))

    async def _client(self, deadline: float) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for request in self._requests:
            begun = time.perf_counter()
            if begun > deadline:
                break
            try:
                async with asyncio.timeout(_GRACE):
                    if streams is None:
                        streams = await self._connected()
                    reader, writer = streams
                    writer.write(request)
                    head, body = await _answer(reader)
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                self._fail(f"{type(error).__name__} {error}")
                head, body = b"\r\nConnection: close", b""
            else:
                self._note(head, body, time.perf_counter() - begun)
            if streams is not None and (not self._order.kept or _CLOSING.search(head)):
                await _closed(streams[1])
                streams = None
        if streams is not None:
            await _closed(streams[1])

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        target = self._order.target
        return await asyncio.open_connection(target.host, target.port, ssl=self._tls, limit=_LARGEST)

    def _note(self, head: bytes, body: bytes, seconds: float) -> None:
        status = head.split(b" ", 2)[1]
        if status != b"200":
            self._fail(f"{status.decode()} {body[:200].decode('utf-8', 'replace')}")
            return
        self.times.append(seconds)
        self.size = len(body)
        if len(body) < 1 << 16 and (found := _PLACE.search(body)):
            self.places.add(found[1])

    def _fail(self, reason: str) -> None:
        self.failed += 1
        self.reason = self.reason or reason


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = _LENGTH.search(head)
    return head, await (reader.readexactly(int(found[1])) if found else reader.read(-1))


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def carry_out(order: Order) -> Outcome:
    """Send everything from this process."""
    load = _Load(order)
    before = _cpu()
    begun = time.perf_counter()
    asyncio.run(load.all())
    wall = time.perf_counter() - begun
    times = sorted(load.times)
    return Outcome(
        answered=len(times),
        failed=load.failed,
        reason=load.reason,
        wall=wall,
        cpu=_cpu() - before,
        p50=1000 * times[len(times) // 2] if times else 0.0,
        p99=1000 * times[int(len(times) * 0.99)] if times else 0.0,
        places=len(load.places),
        size=load.size,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.msgpack.encode(carry_out(asked)))

"""One running command of a Tagent daemon as the wire of an operation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final, Protocol

from pilothouse.errors import ConnectionLostError, TransportError
from pilothouse.transports.contract import Launch
from pilothouse.transports.dialogue import Dialogue
from pilothouse.transports.launcher import quote
from pilothouse.transports.tagent_link import Exchange
from pilothouse.transports.tagent_merged import Merged

_ORDER_SECONDS: Final = 10.0


class Requests(Protocol):
    """What is asked of the daemon while the command runs."""

    where: str

    async def run(self, command: str) -> tuple[bytes, str]:
        """Run a short command."""
        ...

    def get(self, path: str) -> AsyncIterator[bytes]:
        """Read a file."""
        ...


class TagentWire:
    """Reads the merged stream, and sends orders by requests of their own through the operation's named pipe."""

    def __init__(
        self, daemon: Requests, exchange: Exchange, dialogue: Dialogue, launch: Launch, running: "set[TagentWire]"
    ) -> None:
        self._daemon = daemon
        self._exchange = exchange
        self._dialogue = dialogue
        self._place = f"{launch.folder}/.{launch.token}"
        self._merged = Merged(launch.token, dialogue, self._obey)
        self._running = running
        self._files: list[int] = []
        self._asked = len(launch.collect)
        self._reading = asyncio.Event()
        self._reading.set()
        self._orders: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        running.add(self)
        self._keep(self._tasks, self._read())

    def send(self, data: bytes) -> None:
        """Send an order. Nothing is lost when the operation's shell is gone: the order is for it alone."""
        orders = quote(f"{self._place}.orders")
        command = f"if [ -p {orders} ]; then printf '%s\\n' {quote(data.decode().strip())} 1<>{orders}; fi"
        self._keep(self._orders, self._order(command))

    def pause(self) -> None:
        """Take nothing more: the daemon is held back by the full connection."""
        self._reading.clear()

    def resume(self) -> None:
        """Go on."""
        self._reading.set()

    async def close(self) -> None:
        """Let the orders arrive, then cut the connection."""
        if self._orders:
            await asyncio.wait(self._orders)
        self._running.discard(self)
        for task in tuple(self._tasks):
            task.cancel()
        self._exchange.close()

    def cut(self) -> None:
        """End the connection under the operation."""
        self._running.discard(self)
        for task in (*self._tasks, *self._orders):
            task.cancel()
        self._exchange.close()
        self._dialogue.fail(
            ConnectionLostError(f"{self._daemon.where}: the connection was closed before the operation ended")
        )

    async def _read(self) -> None:
        try:
            while found := await self._exchange.payloads():
                await self._reading.wait()
                self._merged.feed(b"".join(found))
            text = await self._exchange.error()
        except TransportError as error:
            self._dialogue.output_closed()
            self._dialogue.fail(error)
        else:
            self._dialogue.output_closed()
            if not self._files:
                said = f" ({text})" if text else ""
                self._dialogue.control_closed(f"its shell ended before the operation did{said}")
        finally:
            self._running.discard(self)
            self._exchange.close()

    def _obey(self, line: bytes) -> None:
        word, *rest = line.split()
        if word == b"file":
            self._files += [number for number in (int(rest[0]),) if number < self._asked]
        elif word == b"exit" and self._files:
            self._keep(self._tasks, self._collect(line))
        else:
            self._dialogue.control(line)

    async def _collect(self, line: bytes) -> None:
        """Fetch the files that the operation hands back, then let its end be known."""
        try:
            for number in self._files:
                content = b"".join([part async for part in self._daemon.get(f"{self._place}.{number}.copy")])
                self._dialogue.control(b"file %d %d\n" % (number, len(content)) + content)
        except TransportError as error:
            self._dialogue.fail(error)
        else:
            self._dialogue.control(line)

    async def _order(self, command: str) -> None:
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(_ORDER_SECONDS):
                await self._daemon.run(command)

    def _keep(self, tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

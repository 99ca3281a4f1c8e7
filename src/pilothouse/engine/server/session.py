"""A run's dealings with its control server, from the first download to the last push."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Any, Final, Self

from pilothouse.controlserver import calls, replies
from pilothouse.controlserver.client import Client
from pilothouse.engine.control import Control
from pilothouse.engine.events import Event, EventStream, Notice
from pilothouse.engine.server import pushes
from pilothouse.engine.server.delivery import Delivery
from pilothouse.engine.server.filecache import FileCache
from pilothouse.engine.server.nodefiles import outdate
from pilothouse.engine.server.pushes import Facts, Push, Translator
from pilothouse.engine.server.spool import Spool
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import JournalError
from pilothouse.jobs.nodes import Node

_CATCH_UP: Final = 30.0
"""How long the start of a group waits for the pushes of the one before, in seconds."""


class Session:
    """The link to the control server while a job runs, and the observer that reports the run.

    Used as an asynchronous context manager: delivery begins when it is entered (with what an earlier run left
    over), and on leaving it waits for the server's ``grace`` for the rest.
    """

    pace = 0.0

    def __init__(self, client: Client, facts: Facts, space: Workspace, cache: FileCache, control: Control) -> None:
        self._client = client
        self._facts = facts
        self._space = space
        self._cache = cache
        self._translator = Translator(facts)
        self._spool = Spool(space.root / "spool.db")
        self._stream: EventStream | None = None
        self._unsaid: list[Notice] = []
        self._delivery = Delivery(
            client,
            self._spool,
            on_failure=lambda: setattr(control, "failed", True),
            on_refusal=self._refused,
            say=self._say,
        )
        self._task: asyncio.Task[None] | None = None
        self.unsent = 0

    async def __aenter__(self) -> Self:
        await self._spool.open()
        self._task = asyncio.create_task(self._delivery.run())
        return self

    async def __aexit__(self, *raised: object) -> None:
        try:
            await self._last_chance()
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            try:
                self.unsent = await self._spool.count()
            except JournalError as error:
                self._say("ERROR", str(error))
            await self._spool.close()

    def attach(self, stream: EventStream) -> None:
        """Say on the job's console what there is to say about the server."""
        self._stream = stream
        for event in self._unsaid:
            stream.publish(event)
        self._unsaid.clear()

    @property
    def unsaid(self) -> tuple[str, ...]:
        """What there was to say while nobody listened."""
        return tuple(event.text for event in self._unsaid)

    async def observe(self, events: Sequence[Event]) -> None:
        """Keep what the events mean to the server."""
        await self._put([push for event in events for push in self._translator.pushes(event)])

    async def close(self) -> None:
        """Leave the rest to the end of the session: the run is over, its pushes may still be on their way."""
        self._stream = None

    async def files(self, ids: Sequence[int]) -> list[str]:
        """Bring files into the run folder."""
        return [await self._cache.link(self._client, number, self._space) for number in ids]

    async def account(self, node: Node, user: str, account_id: str, protocol: str) -> str:
        """Return an account's password as the server writes it."""
        body = {
            "jobId": self._facts.job_id,
            "resourceId": node.resource_id,
            "host": node.host,
            "port": node.port,
            "username": user,
            "accountId": account_id,
            "protocol": protocol,
        }
        return replies.password(calls.name_of(calls.ACCOUNT), await self._client.ask(calls.ACCOUNT, body))

    async def set_variable(self, job_id: str, name: str, value: str, *, hidden: bool) -> None:
        """Let the server know a variable of the job."""
        await self._put([pushes.variable_push(self._facts, name, value, self._now(), hidden=hidden)])

    async def set_global_parameter(self, job_id: str, name: str, value: str) -> None:
        """Change a parameter of the tenant."""
        await self._put([pushes.global_push(self._facts, name, value, self._now())])

    async def fire_next(self, job_id: str, group: int) -> None:
        """Ask for the next group, after everything that was reported before."""
        await self._put([pushes.fire_push(self._facts, group, self._now())])

    async def round_ended(self, job_id: str, group: int, phase: str, round_number: int) -> None:
        """Say once that a round has ended here; the nodes' states go before."""
        await self.caught_up()
        body = pushes.round_body(self._facts, group, phase, round_number, os.getpid(), self._now())
        await self._client.ask(calls.ROUND_ENDED, body)

    async def global_lock(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry a lock request to the server."""
        found = await self._client.ask(calls.LOCK, {**request, "jobId": self._facts.job_id})
        return found if isinstance(found, dict) else {}

    async def caught_up(self) -> None:
        """Wait until everything is delivered, or cannot be now."""
        if self._stream is not None:
            await self._stream.observed()
        try:
            async with asyncio.timeout(_CATCH_UP):
                await self._delivery.settled()
        except TimeoutError:
            self._say("WARN", "the control server lags behind; the run goes on without its answers")

    async def begin(self, groups: Sequence[int]) -> None:
        """Forget unsent requests of an earlier run for what follows ``groups``: this run makes them anew."""
        for number in groups:
            await self._spool.withdraw(calls.FIRE_NEXT, str(number))

    async def tell(self, several: Sequence[Push]) -> None:
        """Keep and deliver pushes that come from no event."""
        await self._put(several)

    async def _put(self, several: Sequence[Push]) -> None:
        if several:
            await self._spool.put(several)
            self._delivery.wake()

    async def _last_chance(self) -> None:
        """Wait for the rest as long as there is progress; without any, for the server's ``grace``."""
        self._delivery.hurry()
        before = -1
        while self._delivery.delivered > before:
            before = self._delivery.delivered
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._client.server.grace):
                    await self._delivery.emptied()
                return

    def _refused(self, push: Push) -> None:
        if push.path == calls.PHASE_STATUS:
            outdate(self._space, push.scope)

    def _say(self, level: str, text: str) -> None:
        event = Notice(at=self._now(), level=level, text=text)
        if self._stream is not None:
            self._stream.publish(event)
        else:
            self._unsaid.append(event)

    def _now(self) -> float:
        return self._client.clock.time()

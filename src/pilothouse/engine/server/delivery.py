"""One task that delivers the spool to the control server, in order, through outages of any length."""

import asyncio
from collections.abc import Callable
from typing import Final

from pilothouse.controlserver import calls, replies
from pilothouse.controlserver.backoff import Backoff
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.replies import ServerIdentityError, ServerRefusedError, ServerUnavailableError
from pilothouse.engine.server.pushes import Push
from pilothouse.engine.server.spool import Entry, Spool
from pilothouse.errors import PilothouseError

_BATCH: Final = 64
_TURN: Final = 0.2
"""How often to look whether another process has stopped delivering this job's pushes, in seconds."""


class Delivery:
    """Sends what is in the spool; ``delivered`` counts what has left it.

    ``on_failure`` is called when the server says that a node failed on another runner, ``on_refusal`` with a
    push that the server does not want (it is dropped), ``say`` with a message for the console.
    """

    def __init__(
        self,
        client: Client,
        spool: Spool,
        *,
        on_failure: Callable[[], None],
        on_refusal: Callable[[Push], None],
        say: Callable[[str, str], None],
    ) -> None:
        self._client = client
        self._spool = spool
        self._on_failure = on_failure
        self._on_refusal = on_refusal
        self._say = say
        self.delivered = 0
        self._some = asyncio.Event()
        self._some.set()
        self._empty = asyncio.Event()
        self._stuck = asyncio.Event()
        self._hurry = asyncio.Event()

    def wake(self) -> None:
        """Note that the spool holds something new."""
        self._empty.clear()
        self._some.set()

    def hurry(self) -> None:
        """Try again at once instead of waiting for the next attempt."""
        self._hurry.set()

    async def settled(self) -> None:
        """Wait until the spool is empty, or cannot be emptied now."""
        waits = [asyncio.create_task(event.wait()) for event in (self._empty, self._stuck)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def emptied(self) -> None:
        """Wait until the spool is empty."""
        await self._empty.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            await self._turn()
            while True:
                await self._some.wait()
                self._some.clear()
                while entries := await self._spool.first(_BATCH):
                    await self._deliver_all(entries)
                if not self._some.is_set():
                    self._empty.set()
        except PilothouseError as error:
            # nothing that trying again would mend: a wrong key, a full disk; the next start delivers what is left
            self._say("ERROR", f"{error}; status pushes wait in the run folder")
            self._stuck.set()
            await asyncio.Event().wait()

    async def _turn(self) -> None:
        while not self._spool.take():
            self._stuck.set()
            await asyncio.sleep(_TURN)
        self._stuck.clear()

    async def _deliver_all(self, entries: list[Entry]) -> None:
        """Deliver in order; what was delivered is forgotten even when the rest never is.

        A kill in between repeats pushes, which the server takes as they are; starting a group twice would be
        worse, so that is forgotten at once.
        """
        delivered: list[int] = []
        try:
            for entry in entries:
                await self._deliver(entry.push)
                delivered.append(entry.number)
                self.delivered += 1
                if entry.push.path == calls.FIRE_NEXT:
                    break
        finally:
            if delivered:
                await asyncio.shield(self._spool.done(delivered))

    async def _deliver(self, push: Push) -> None:
        """Bring one push to the server, however long it takes; one that is refused is dropped."""
        try:
            answer = await self._persistently(push)
        except ServerRefusedError as error:
            if isinstance(error, ServerIdentityError):
                raise
            self._say("WARN", f"{error}; this status is not sent again")
            self._on_refusal(push)
        else:
            if push.path == calls.NODE_STATUS and replies.reports_failure(answer):
                self._on_failure()

    async def _persistently(self, push: Push) -> bytes:
        waits, attempt = Backoff(), 0
        while True:
            try:
                answer = await self._once(push)
            except ServerUnavailableError as error:
                attempt += 1
                if attempt == 1:
                    self._say("WARN", f"{error}; status pushes are kept and sent later")
                    self._stuck.set()
                await self._pause(waits.delay(attempt, self._client.chance()))
            except ServerRefusedError:
                self._stuck.clear()
                raise
            else:
                if attempt:
                    self._say("INFO", "the control server answers again; status pushes are being sent")
                    self._stuck.clear()
                return answer

    async def _once(self, push: Push) -> bytes:
        answer = await self._client.post(push.path, push.body)
        if answer.strip():
            # whatever stands in the place of the server must not swallow a push with a friendly page
            replies.envelope(calls.name_of(push.path), answer)
        return answer

    async def _pause(self, seconds: float) -> None:
        nap = asyncio.ensure_future(self._client.sleep(seconds))
        hurried = asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait([nap, hurried], return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            hurried.cancel()
            self._hurry.clear()

"""The barrier of gray-scale rounds that several runners take together (spec section 4.4)."""

import asyncio
from typing import Final

from pilothouse.clock import Clock
from pilothouse.engine.control import Control
from pilothouse.engine.events import EventStream, Notice
from pilothouse.engine.link import ServerLink
from pilothouse.errors import PilothouseError

INTERVAL: Final = 10.0
"""Seconds between two reports of an ended round."""

_ANY: Final = 0


class RoundBarrier:
    """Holds a phase's part of a round until all runners have ended theirs."""

    def __init__(
        self,
        job_id: str,
        link: ServerLink,
        control: Control,
        stream: EventStream,
        clock: Clock,
        *,
        limit: float,
        interval: float = INTERVAL,
    ) -> None:
        self._job_id = job_id
        self._link = link
        self._control = control
        self._stream = stream
        self._clock = clock
        self._limit = limit
        self._interval = interval
        self._held: dict[str, tuple[int, asyncio.Event]] = {}

    async def wait(self, group: int, phase: str, round_number: int) -> bool:
        """Report the round's end until it is released, or the job stops; False when that takes too long."""
        opened = asyncio.Event()
        self._held[phase] = (round_number, opened)
        reports = asyncio.create_task(self._report(group, phase, round_number))
        # it never ends by itself, so if it does something is wrong that must not look like a wait
        reports.add_done_callback(lambda _: opened.set())
        try:
            with self._control.waking(opened):
                async with asyncio.timeout(self._limit):
                    await opened.wait()
        except TimeoutError:
            self._notice("ERROR", f"phase {phase} round {round_number}: no word to go on within {self._limit:.0f} s")
            return False
        finally:
            reports.cancel()
            await asyncio.wait([reports])
            del self._held[phase]
        if not reports.cancelled():
            reports.result()
        return True

    def release(self, phase: str, round_number: int) -> None:
        """Let a phase go on when it waits at the end of this round (0: of any)."""
        held = self._held.get(phase)
        if held is not None and round_number in {_ANY, held[0]}:
            held[1].set()

    async def _report(self, group: int, phase: str, round_number: int) -> None:
        complained = False
        while True:
            try:
                await self._link.round_ended(self._job_id, group, phase, round_number)
            except PilothouseError as error:
                if not complained:
                    self._notice("WARN", f"the end of round {round_number} of {phase} cannot be reported yet: {error}")
                complained = True
            await asyncio.sleep(self._interval)

    def _notice(self, level: str, text: str) -> None:
        self._stream.publish(Notice(at=self._clock.time(), level=level, text=text))

"""The engine's side of one running operation, whatever the wire: waiting, settling, aborting."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from pilothouse.errors import ConnectionLostError, TargetError, TransportError
from pilothouse.transports.contract import Exit, Kill
from pilothouse.transports.dialogue import Dialogue

# TERM, two seconds, KILL, up to three seconds until it is gone; then the wire's own delay
_ABORT_SECONDS: Final = 7.0
_SETTLE_SECONDS: Final = 10.0
OUTCOMES: Final = {"killed": "killed", "gone": "already gone"}


class Wire(Protocol):
    """The three streams to the machine."""

    def send(self, data: bytes) -> None:
        """Send orders; does nothing when the wire is cut."""
        ...

    def pause(self) -> None:
        """Take no more output for now."""
        ...

    def resume(self) -> None:
        """Take output again."""
        ...

    async def close(self) -> None:
        """Let go of the wire; quick, never raises."""
        ...


Reaper = Callable[[], Awaitable[Kill]]
"""Ends the operation over a new connection, when its own is lost."""


class Operation:
    """A process of `contract.Process` on any wire."""

    def __init__(self, dialogue: Dialogue, wire: Wire, reaper: Reaper | None) -> None:
        self._dialogue = dialogue
        self._wire = wire
        self._reaper = reaper

    @property
    def group(self) -> int | None:
        """The process group's number on the machine, once known."""
        return self._dialogue.group

    def pause_reading(self) -> None:
        """Take no further output until ``resume_reading``."""
        self._wire.pause()

    def resume_reading(self) -> None:
        """Take output again."""
        self._wire.resume()

    async def begun(self) -> None:
        """Wait until its files lie there. Raises ConnectionLostError, TargetError."""
        await asyncio.shield(self._dialogue.begun)

    async def exited(self) -> Exit:
        """Wait for the end. Raises ConnectionLostError, TargetError."""
        return await asyncio.shield(self._dialogue.exit)

    async def settle(self, *, clean: bool) -> None:
        """Tell the machine that the exit is recorded; with ``clean`` the job's folder is removed there.

        A wire that breaks meanwhile is no error: the work is done and recorded, only the folder may stay.
        """
        self._wire.send(b"settle clean\n" if clean else b"settle\n")
        if clean:
            try:
                async with asyncio.timeout(_SETTLE_SECONDS):
                    await asyncio.shield(self._dialogue.answer)
            except (TransportError, TimeoutError):
                pass
        await self._wire.close()

    async def abort(self) -> Kill:
        """End the whole process group and say what came of it."""
        dialogue = self._dialogue
        dialogue.mute()
        self._wire.resume()
        try:
            async with asyncio.timeout(_ABORT_SECONDS):
                word = await self._order_abort()
        except ConnectionLostError:
            return await self._reap()
        except TransportError:
            word = "gone"
        except TimeoutError:
            await self._give_up()
            return await self._reap()
        await self._give_up()
        return Kill(OUTCOMES.get(word, "unreachable"), dialogue.group)

    async def _give_up(self) -> None:
        # said before the wire goes, whose end would be taken for another reason
        self._dialogue.fail(TargetError(f"{self._dialogue.where}: the operation was aborted"))
        await self._wire.close()

    async def _order_abort(self) -> str:
        dialogue = self._dialogue
        await asyncio.shield(dialogue.started)
        self._wire.send(b"abort\n")
        if dialogue.exit.done() and not dialogue.exit.exception():
            return "gone"
        both: tuple[asyncio.Future[Any], ...] = (dialogue.exit, dialogue.answer)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return dialogue.answer.result() if dialogue.answer.done() else "gone"

    async def _reap(self) -> Kill:
        if self._reaper is None:
            return Kill("unreachable", self._dialogue.group)
        kill = await self._reaper()
        return Kill(kill.outcome, self._dialogue.group or kill.group)

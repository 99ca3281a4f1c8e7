"""The master is listened to as long as the daemon runs; where there is nothing to hear, now and then tried again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from typing import Final, Literal

import msgspec

from pilothouse.clock import Clock
from pilothouse.errors import SettingsError
from pilothouse.node.daemon.hints import Event, StreamError
from pilothouse.node.daemon.stream import AbsentError, RefusedError

State = Literal["off", "connecting", "open", "away", "refused", "absent"]
_LONGEST: Final = 120.0  # seconds between two tries while the master is away
_REFUSED: Final = 300.0
_ABSENT: Final = 3600.0  # masters are replaced by newer ones
_WORTH: Final = 30.0  # seconds after which a stream was a good one


class Hearing(msgspec.Struct, frozen=True):
    """How it stands with the stream: ``since`` in seconds of the clock, ``text`` says why it is not open."""

    state: State
    since: float
    text: str = ""


Connect = Callable[[str], AsyncGenerator[Event, None]]


class Listener:
    """Listens. ``connect`` opens the stream after an event's id; what happens is told to ``heard`` and ``changed``."""

    def __init__(
        self,
        connect: Connect,
        heard: Callable[[Event], None],
        changed: Callable[[Hearing], None],
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._connect = connect
        self._heard = heard
        self._changed = changed
        self._clock = clock
        self._chance = chance
        self._last_id = ""
        self._tries = 0
        self._now = Hearing("off", clock.time())

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            if self._now.state in {"off", "open"}:
                self._tell("connecting", "")
            begun = self._clock.monotonic()
            pause = await self._listened()
            if self._clock.monotonic() - begun >= _WORTH:
                self._tries = 0
            if pause is None:
                pause = min(_LONGEST, 2.0**self._tries)
                self._tries = min(self._tries + 1, 10)
            await asyncio.sleep(pause * (0.5 + self._chance()))

    async def _listened(self) -> float | None:
        """Follow one stream to its end; returns how long to wait, None where that grows with each failure."""
        try:
            await self._follow()
        except AbsentError as error:
            self._tell("absent", str(error))
            return _ABSENT
        except (RefusedError, SettingsError) as error:
            self._tell("refused", str(error))
            return _REFUSED
        except TimeoutError:
            self._tell("away", "the master is silent")
        except (OSError, ValueError, StreamError) as error:  # a host that is no name is a ValueError
            self._tell("away", str(error) or type(error).__name__)
        else:
            self._tell("away", "the master ended the stream")
        return None

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._connect(self._last_id)) as events:
            async for event in events:
                if self._now.state != "open":
                    self._tell("open", "")
                self._last_id = event.id
                self._heard(event)

    def _tell(self, state: State, text: str) -> None:
        if (state, text) != (self._now.state, self._now.text):
            self._now = Hearing(state, self._clock.time(), text)
            self._changed(self._now)

"""Stopping: what pause, abort and failure stop, and what an abort proves (spec section 4.7)."""

import asyncio
import os
import signal

import pytest

from pilothouse.engine.control import Control
from pilothouse.errors import AbortedError
from pilothouse.transports.contract import Exit, Kill


class Running:
    """A process that ends when it is aborted."""

    def __init__(self, group: int) -> None:
        self.group: int | None = group
        self.aborts = 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    async def begun(self) -> None: ...

    async def exited(self) -> Exit:
        return Exit(code=0)

    async def settle(self, *, clean: bool) -> None: ...

    async def abort(self) -> Kill:
        self.aborts += 1
        await asyncio.sleep(0)
        return Kill("killed", self.group)


def test_what_stops_what() -> None:
    control = Control()
    assert (control.stopping, control.feeding) == (False, True)
    control.failed = True
    assert (control.stopping, control.feeding) == (False, False)
    paused = Control()
    paused.pause()
    assert (paused.stopping, paused.feeding, paused.aborting) == (True, False, False)
    aborted = Control()
    aborted.abort()
    assert (aborted.stopping, aborted.feeding, aborted.aborting) == (True, False, True)


async def test_an_abort_ends_every_process_once() -> None:
    control = Control()
    one, two, ended = Running(1), Running(2), Running(3)
    for process in (one, two, ended):
        control.running(process)
    control.ended(ended)
    control.abort()
    control.abort()
    control.running(one)
    assert await control.kill_of(one) == Kill("killed", 1)
    assert await control.kill_of(two) == Kill("killed", 2)
    assert await control.kill_of(ended) is None
    assert (one.aborts, two.aborts, ended.aborts) == (1, 1, 0)


async def test_a_process_that_comes_after_the_abort_is_ended_too() -> None:
    control = Control()
    control.abort()
    late = Running(4)
    control.running(late)
    assert await control.kill_of(late) == Kill("killed", 4)


async def test_an_abort_ends_waits() -> None:
    control = Control()
    reached = asyncio.Event()

    async def connect() -> None:
        reached.set()
        await asyncio.sleep(60)

    waiting = asyncio.create_task(control.until_abort(connect()))
    await reached.wait()
    control.abort()
    with pytest.raises(AbortedError, match="aborted"):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(AbortedError, match="aborted"):
        await control.until_abort(connect())


async def test_waits_hand_on_results_errors_and_cancellation() -> None:
    control = Control()
    cleaned = asyncio.Event()

    async def fails() -> None:
        raise OSError("closed")

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    assert await control.until_abort(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(OSError, match="closed"):
        await control.until_abort(fails())
    waiting = asyncio.create_task(control.until_abort(long()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cleaned.is_set()


@pytest.mark.parametrize(
    ("number", "aborts", "pauses"),
    [
        (signal.SIGTERM, True, False),
        (signal.SIGINT, True, False),
        (signal.SIGHUP, True, False),
        (signal.SIGUSR1, False, True),
    ],
)
async def test_signals(number: signal.Signals, aborts: bool, pauses: bool) -> None:
    control = Control()
    control.listen()
    loop = asyncio.get_running_loop()
    try:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(each)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert (control.aborting, control.pausing) == (aborts, pauses)

"""One pass as a child process; its end is awaited by its descriptor, without a thread."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence


class Child:
    """A process that was started; it has a session of its own, so that a terminal's keys do not reach it."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            words, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self.pid = self._process.pid

    async def wait(self) -> int:
        """Return its exit status, negative for a signal. The process goes on when this is cancelled."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        descriptor = os.pidfd_open(self.pid)
        loop.add_reader(descriptor, _finish, ended)
        try:
            await ended
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


def _finish(ended: "asyncio.Future[None]") -> None:
    if not ended.done():
        ended.set_result(None)

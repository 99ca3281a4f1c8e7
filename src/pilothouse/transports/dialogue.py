"""What the machine says while an operation runs: output and control, taken apart byte by byte. No I/O.

Everything before the start mark is noise of the login. On the control stream follow the lines ``pid``,
``adopted``, ``file`` with raw bytes, ``exit``, and the answers; the output ends with the end mark.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pilothouse.errors import ForgottenFilesError, PilothouseError, TargetError
from pilothouse.transports import launcher
from pilothouse.transports.become import Door
from pilothouse.transports.contract import Exit, Launch, Sink

_NOISE: Final = 4096
_LONGEST_LINE: Final = 65536
_SHOWN: Final = 500


class Dialogue:
    """The state of one operation as far as the machine has told it.

    ``started``, ``begun``, ``exit`` and ``answer`` are futures: the start mark came; the files lie there and the
    operation runs, or had ended before; it ended and all its output is in the sink; the reply to an order
    (``killed``, ``gone``, ``stuck``, ``settled``).
    """

    def __init__(self, launch: Launch, sink: Sink, where: str) -> None:
        loop = asyncio.get_running_loop()
        self.group: int | None = None
        self.started: asyncio.Future[None] = loop.create_future()
        self.begun: asyncio.Future[None] = loop.create_future()
        self.exit: asyncio.Future[Exit] = loop.create_future()
        self.answer: asyncio.Future[str] = loop.create_future()
        self.noise = bytearray()
        self.where = where
        self._collect = launch.collect
        self._output = _Output(launch.token, sink, self.noise)
        self._start = launcher.start_mark(launch.token)
        self._control = bytearray()
        self._heard = False
        self._collected: dict[str, bytes] = {}
        self._file: tuple[str, int] | None = None
        self._adopted = False
        self._code: int | None = None
        self._door: tuple[Door, Callable[[bytes], None]] | None = None

    def output(self, data: bytes) -> None:
        """Take bytes of the output stream."""
        self._output.feed(data)
        self._conclude()

    def output_closed(self) -> None:
        """Note that no output can follow any more."""
        self._output.close()
        self._conclude()

    def go_through(self, door: Door, send: Callable[[bytes], None]) -> None:
        """Let a door hear the control stream first, and send what it answers, until it is open."""
        self._door = (door, send)

    def control(self, data: bytes) -> None:
        """Take bytes of the control stream."""
        if self._door is not None:
            self._knock(*self._door, data)
        self._control += data
        if not self._heard and not self._hear():
            return
        while self._take_file() if self._file else self._take_line():
            pass
        self._conclude()

    def control_closed(self, why: str) -> None:
        """Note that nothing more can be said, although the machine is still there."""
        if not self.answer.done():
            self.answer.set_result("gone")
        elif not self.answer.exception() and self.answer.result() == "killed":
            why = "the operation was aborted"
        if self._code is None:
            self.fail(TargetError(f"{self.where}: {why}{self.said()}"))

    def said(self) -> str:
        """Return what the login said instead of starting the program, for an error's text."""
        heard = b"".join((self.noise, self._output.held, b"" if self._heard else self._control))
        text = "" if self.started.done() else heard.decode("utf-8", "replace").strip()
        return f"; it said: {text[-_SHOWN:]}" if text else ""

    def fail(self, error: PilothouseError) -> None:
        """Note that nothing more will be heard: whoever still waits is told why."""
        for future in (self.started, self.begun, self.exit, self.answer):
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever waits still gets it; nobody waiting is no fault

    def mute(self) -> None:
        """Hand no further output to the sink; it is read and dropped."""
        self._output.mute()

    def _knock(self, door: Door, send: Callable[[bytes], None], data: bytes) -> None:
        try:
            answer = door.hear(data)
        except TargetError as error:
            self._door = None
            self.fail(TargetError(f"{self.where}: {error}"))
            return
        if answer:
            send(answer)
        if door.is_open:
            self._door = None

    def _hear(self) -> bool:
        at = self._control.find(self._start)
        if at < 0:
            spare = max(0, len(self._control) - len(self._start) + 1)
            self.noise += self._control[: min(spare, _NOISE - len(self.noise))]
            del self._control[:spare]
            return False
        del self._control[: at + len(self._start)]
        self._heard = True
        if not self.started.done():
            self.started.set_result(None)
        return True

    def _take_line(self) -> bool:
        at = self._control.find(b"\n")
        if at < 0:
            if len(self._control) > _LONGEST_LINE:
                self.fail(TargetError(f"{self.where}: the control stream cannot be understood"))
            return False
        line = self._control[:at].decode("utf-8", "replace")
        del self._control[: at + 1]
        self._obey(*line.partition(" ")[::2])
        return True

    def _obey(self, word: str, rest: str) -> None:
        if word == "pid" and rest.isdigit():
            self.group = int(rest)
            self._begin()
        elif word == "adopted":
            self._adopted = True
            self._begin()
        elif word == "file":
            number, _, size = rest.partition(" ")
            self._file = (self._collect[int(number)], int(size))
        elif word == "exit":
            self._code = int(rest)
        elif word == "forgotten":
            self.fail(ForgottenFilesError(f"{self.where}: files that were sent before are gone there"))
        elif word == "error":
            self.fail(TargetError(f"{self.where}: {rest}"))
        elif word in {"killed", "gone", "stuck", "settled"} and not self.answer.done():
            self.answer.set_result(word)
            if word == "killed":
                # at once: the end of the streams may come along, and would be taken for another reason
                self.fail(TargetError(f"{self.where}: the operation was aborted"))

    def _begin(self) -> None:
        if not self.begun.done():
            self.begun.set_result(None)

    def _take_file(self) -> bool:
        if self._file is None or len(self._control) < self._file[1]:
            return False
        name, size = self._file
        self._collected[name] = bytes(self._control[:size])
        del self._control[:size]
        self._file = None
        return True

    def _conclude(self) -> None:
        if self._code is not None and self._output.ended and not self.exit.done():
            self.exit.set_result(Exit(code=self._code, collected=self._collected, adopted=self._adopted))


class _Output:
    """The output stream: from the start mark to the end mark it is the operation's own."""

    def __init__(self, token: str, sink: Sink, noise: bytearray) -> None:
        self.ended = False
        self._sink: Sink | None = sink
        self._noise = noise
        self._start = launcher.start_mark(token)
        self._end = launcher.end_mark(token)
        self._begun = False
        self.held = b""

    def feed(self, data: bytes) -> None:
        if self.ended:
            return
        if self.held:
            data, self.held = self.held + data, b""
        if not self._begun:
            rest = self._begin(data)
            if rest is None:
                return
            data = rest
        at = data.find(self._end)
        if at >= 0:
            self.ended = True
            data = data[:at]
        else:
            data = self._hold(data)
        self._give(data)

    def close(self) -> None:
        if self._begun:
            self._give(self.held)
            self.held = b""
        self.ended = True

    def mute(self) -> None:
        self._sink = None

    def _give(self, data: bytes) -> None:
        if data and self._sink is not None:
            self._sink(data)

    def _begin(self, data: bytes) -> bytes | None:
        at = data.find(self._start)
        if at < 0:
            spare = max(0, len(data) - len(self._start) + 1)
            self._noise += data[: min(spare, _NOISE - len(self._noise))]
            self.held = data[spare:]
            return None
        self._begun = True
        return data[at + len(self._start) :]

    def _hold(self, data: bytes) -> bytes:
        """Keep back what may be the beginning of the end mark."""
        at = data.rfind(self._end[:1], -len(self._end))
        if at >= 0 and self._end.startswith(data[at:]):
            self.held = data[at:]
            return data[:at]
        return data

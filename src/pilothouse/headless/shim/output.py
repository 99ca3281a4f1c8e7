"""What the worker says: its output as log events, its own messages as the others."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any, Final

from pilothouse.headless.shim.eventlog import EventLog
from pilothouse.headless.shim.jobs import Jobs
from pilothouse.headless.shim.layout import Limits
from pilothouse.headless.shim.lines import Line, Lines

_CHUNK: Final = 65536
_CHUNKS: Final = 32  # before something else gets its turn
_PACE: Final = 0.5  # seconds between two events of progress
_MESSAGE: Final = 2 << 20
_MOST_CODE: Final = 1 << 31  # what databases hold
_MOST_NUMBER: Final = 1e15  # so far whole numbers are exact
_LEVELS: Final = frozenset({"debug", "info", "warn", "error"})


class Output:
    """Turns bytes of the worker into events; ``streams`` are its output by descriptor."""

    def __init__(self, log: EventLog, jobs: Jobs, limits: Limits, stdout: int, stderr: int, channel: int) -> None:
        self._log = log
        self._jobs = jobs
        self._names = {stdout: "stdout", stderr: "stderr"}
        self._lines = {each: Lines(limits["line"]) for each in self._names}
        self._channel = channel
        self._message = b""
        self._left = limits["output"] or (1 << 62)
        self._truncated = False
        self._progress: dict[str, Any] | None = None
        self._shown = 0.0

    def read(self, descriptor: int) -> bool:
        """Take what is there; returns whether more may come."""
        if descriptor == self._channel:
            return self._read_channel()
        for _ in range(_CHUNKS):
            data = _read(descriptor)
            if data is None:
                return True
            if not data:
                self._put(descriptor, self._lines[descriptor].end())
                return False
            self._put(descriptor, self._lines[descriptor].feed(data))
        return True

    def wait(self) -> float | None:
        """Return in how many seconds progress is due, None when there is none."""
        return None if self._progress is None else max(0.0, self._shown + _PACE - time.monotonic())

    def show_progress(self) -> None:
        """Write progress that was held back."""
        if self._progress is not None:
            self._log.append("progress", **self._progress)
            self._progress = None
            self._shown = time.monotonic()

    def drain(self) -> None:
        """Take all that is there, what is not a whole line too."""
        for descriptor in self._names:
            self.read(descriptor)
            self._put(descriptor, self._lines[descriptor].end())

    def _put(self, descriptor: int, lines: list[Line]) -> None:
        for line in lines:
            self._left -= len(line.text) + 1
            if self._left < 0:
                if not self._truncated:
                    self._truncated = True
                    self._log.append("info", level="warn", **{"#text": "log truncated"})
                return
            fields: dict[str, Any] = {"job": self._jobs.current, "stream": self._names[descriptor], "#text": line.text}
            if line.cont:
                fields["cont"] = True
            self._log.append("log", **fields)

    def _read_channel(self) -> bool:
        data = _read(self._channel)
        if data is None:
            return True
        self._message += data
        *whole, self._message = self._message.split(b"\n")
        for each in whole:
            self._obey(each)
        return bool(data) and len(self._message) <= _MESSAGE

    def _obey(self, message: bytes) -> None:
        # whoever runs in the worker may write anything here
        try:
            said = {name: _carriable(value) for name, value in json.loads(message).items()}
            name, job = said.pop("name"), int(said.pop("job"))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return
        if not 1 <= job <= len(self._jobs.ends):
            return
        if name == "progress":
            self._progress = {"job": job, **dict(_progress(said))}
            if self.wait() == 0:
                self.drain()
                self.show_progress()
            return
        # what the job printed before stands before what it says now
        self.drain()
        self.show_progress()
        if name == "begin":
            self._log.append("job-state", **self._jobs.begin(job, time.time()))
            self._acknowledge()
        elif name == "end" and said.get("state") in {"ok", "failed", "cancelled"}:
            self._log.append("job-state", **self._jobs.finish(job, said.pop("state"), time.time(), **_known(said)))
            self._acknowledge()
        elif name == "info" and said.get("level") in _LEVELS:
            self._log.append("info", job=job, level=said["level"], **{"#text": str(said.get("text", ""))[:8192]})
        elif name == "result" and said.get("enc") in {"text", "json", "b64"}:
            cut = {"truncated": True} if said.get("truncated") is True else {}
            self._log.append("result", job=job, enc=said["enc"], **cut, **{"#text": str(said.get("text", ""))})

    def _acknowledge(self) -> None:
        """Let the worker go on: only so is every line of output its own job's."""
        with contextlib.suppress(OSError):
            os.write(self._channel, b"\n")


def _known(said: dict[str, Any]) -> dict[str, Any]:
    rc = said.get("rc")
    whole = type(rc) is int and -_MOST_CODE <= rc < _MOST_CODE
    return {"rc": rc if whole else None, "reason": str(said.get("reason") or "")}


def _progress(said: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    done, total = said.get("done"), said.get("total")
    yield "done", done if _is_number(done) else 0
    if _is_number(total):
        yield "total", total
    if said.get("unit"):
        yield "unit", "".join(each for each in str(said["unit"])[:40] if each.isprintable())
    if said.get("text"):
        yield "#text", str(said["text"])[:1000]


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and abs(value) < _MOST_NUMBER


def _carriable(value: Any) -> Any:
    """Return a text that every reader of the events and every database can take."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _read(descriptor: int) -> bytes | None:
    """Return what is there, b'' at the end, None when nothing is there now."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""

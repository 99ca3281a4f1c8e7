"""Asking: a pipe for the answer, a description beside it, and word to the engine that the node waits."""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from pilothouse.files import write_atomic
from pilothouse.tools.asking.question import Answer, InvalidAnswerError, Question, read_answer
from pilothouse.tools.program import node, say, work_path

DAY: Final = 86400.0
_LONGEST_DATAGRAM: Final = 8192
_CHUNK: Final = 65536


def ask(question: Question, *, seconds: float = DAY, pipe: Path | None = None) -> Answer | None:
    """Return the operator's answer; None when there is none in time, or the operator gave up.

    ``pipe`` is where the answer is written to, by default beside the node's log. Invalid answers are refused,
    and the question stays. Raises OSError when the pipe cannot be made.
    """
    place = pipe or own_pipe()
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        return _asked(question, place, seconds)
    finally:
        signal.signal(signal.SIGTERM, before)


def _asked(question: Question, place: Path, seconds: float) -> Answer | None:
    with _opened(place) as descriptor, _announced(question, place):
        print(f"[Wait Interact]{question.message}", flush=True)  # noqa: T201 - the documented line
        end = time.monotonic() + seconds
        for line in _lines(descriptor, end):
            try:
                return read_answer(line, question)
            except InvalidAnswerError as error:
                say("WARN", str(error))
    return None


def own_pipe() -> Path:
    """Return the documented place of the pipe: beside the log of this operation's node."""
    return work_path() / "log" / os.environ.get("AUTOEXEC_PHASE_NAME", "") / f"{node().key}.txt.run.pipe"


@contextmanager
def _announced(question: Question, pipe: Path) -> Iterator[None]:
    """Say that the node waits, and that it goes on, whatever ends the waiting.

    The pipe is there before anybody hears of the question, so that every answer finds it.
    """
    description = pipe.with_name(f"{pipe.name}.json")
    told = question.described(str(pipe))
    try:
        write_atomic(description, json.dumps(told, ensure_ascii=False).encode(), mode=0o600)
        inform(told)
        yield
    finally:
        description.unlink(missing_ok=True)
        inform(None)


def inform(interact: dict[str, Any] | None) -> None:
    """Tell the engine that the node waits for an answer, or that it goes on; a failure is only warned of."""
    path = os.environ.get("AUTOEXEC_JOB_SOCK")
    if not path:
        return
    message = {
        "action": "informNodeWaitInput",
        "phaseName": os.environ.get("AUTOEXEC_PHASE_NAME", ""),
        "resourceId": node().resource_id,
        "interact": interact,
        "clean": 0 if interact else 1,
    }
    content = json.dumps(message, ensure_ascii=False).encode()
    if interact and len(content) > _LONGEST_DATAGRAM:
        excess = len(content) - _LONGEST_DATAGRAM
        cut = interact["message"].encode()[: -excess - len("...")].decode("utf-8", "ignore") + "..."
        content = json.dumps({**message, "interact": {**interact, "message": cut}}, ensure_ascii=False).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(content, path)
        except OSError as error:
            say("WARN", f"the engine could not be told about the question: {error}")


@contextmanager
def _opened(pipe: Path) -> Iterator[int]:
    pipe.parent.mkdir(parents=True, exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o700)
    try:
        # open for writing too, so that the end of one writer is not the end of all
        descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    finally:
        pipe.unlink(missing_ok=True)


def _lines(pipe: int, end: float) -> Iterator[str]:
    """Yield the lines that come by the pipe, or from a terminal, until the time is over."""
    # an operation's input is a pipe that nobody writes to, unless a person started the tool
    sources = {pipe: b""} | ({sys.stdin.fileno(): b""} if sys.stdin and sys.stdin.isatty() else {})
    while (left := end - time.monotonic()) > 0 and sources:
        ready, _, _ = select.select(list(sources), [], [], left)
        for source in ready:
            data = os.read(source, _CHUNK)
            if not data:
                del sources[source]
                continue
            *lines, sources[source] = (sources[source] + data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")


def _terminated(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)

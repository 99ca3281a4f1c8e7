"""One program run to its end: its own session, its owner's rights, its lines in the log as they come.

What is running is noted in the node's own folder. A pass that finds a note of a pass that was killed ends what
is left of its program first, so that no two builds are ever at work in one directory.
"""

import contextlib
import logging
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pilothouse.files import write_atomic
from pilothouse.node import processes
from pilothouse.node.errors import LeftoverError, TimedOutError
from pilothouse.node.identity import Identity

_log = logging.getLogger("slapos")
_CHUNK: Final = 65536
_UMASK: Final = 0o027
_running: Final[set[tuple[int, int]]] = set()


class Program(NamedTuple):
    """What to run. ``note`` is the file that names it while it runs; ``seconds`` is how long it may take."""

    words: tuple[str, ...]
    folder: Path
    who: Identity
    environ: Mapping[str, str]
    note: Path | None = None
    seconds: float | None = None
    umask: int = _UMASK
    shown: bool = True
    captured: bool = True


class Ended(NamedTuple):
    """How it ended: its exit status, negative for a signal, and everything that it said."""

    status: int
    output: str


def run(program: Program) -> Ended:
    """Run a program. Raises OSError when it cannot be started, TimedOutError after its whole family was killed."""
    if program.note:
        end_leftover(program.note)
    with _started(program) as process:
        if not program.captured:
            return Ended(process.wait(), "")
        try:
            return _followed(program, process)
        except BaseException:
            _end_everything(process.pid, program)
            process.wait()
            raise


@contextlib.contextmanager
def _started(program: Program) -> Iterator[subprocess.Popen[bytes]]:
    who = program.who
    process = subprocess.Popen(
        program.words,
        cwd=program.folder,
        env=dict(program.environ),
        stdin=subprocess.DEVNULL if program.captured else None,
        stdout=subprocess.PIPE if program.captured else None,
        stderr=subprocess.STDOUT if program.captured else None,
        umask=program.umask,
        start_new_session=program.captured,
        user=who.uid if who.drops else None,
        group=who.gid if who.drops else None,
        extra_groups=who.groups if who.drops else None,
    )
    looked = processes.look(process.pid)
    known = (process.pid, looked.started if looked else 0)
    _running.add(known)
    if program.note:
        write_atomic(program.note, f"{known[0]} {known[1]}\n".encode(), mode=0o600)
    try:
        yield process
    finally:
        _running.discard(known)
        if process.stdout:
            process.stdout.close()
        if program.note:
            program.note.unlink(missing_ok=True)


def _followed(program: Program, process: subprocess.Popen[bytes]) -> Ended:
    assert process.stdout is not None  # noqa: S101 - it is captured here
    until = time.monotonic() + program.seconds if program.seconds else None
    pipe, lines = process.stdout.fileno(), Lines(shown=program.shown)
    ended = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(ended, select.POLLIN)
    os.set_blocking(pipe, False)
    try:
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready = {number for number, _ in poll.poll(None if left is None else left * 1000)}
            if pipe in ready and not _read(pipe, lines):
                poll.unregister(pipe)
            if ended in ready:
                # what it left running may keep the pipe open for ever; what is there by now is its output
                _read(pipe, lines)
                return Ended(process.wait(), lines.finish())
            if until is not None and time.monotonic() >= until:
                raise TimedOutError(list(program.words), program.seconds or 0)
    finally:
        os.close(ended)


def _read(pipe: int, lines: "Lines") -> bool:
    """Take what is there; False at the end of the pipe."""
    while True:
        try:
            chunk = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        lines.take(chunk)


class Lines:
    """Output that is logged line by line while it comes, and kept."""

    def __init__(self, *, shown: bool = True) -> None:
        self._parts: list[str] = []
        self._open = b""
        self._shown = shown

    def take(self, chunk: bytes) -> None:
        """Take a piece of output."""
        *whole, self._open = (self._open + chunk).split(b"\n")
        for line in whole:
            self._say(line)

    def finish(self) -> str:
        """Return everything."""
        if self._open:
            self._say(self._open)
            self._open = b""
        return "".join(self._parts)

    def _say(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._parts.append(f"{text}\n")
        if self._shown:
            _log.info("%s", text)


def _end_everything(pid: int, program: Program) -> None:
    """Kill a child and all that it started, also what left its session and lost its parent."""
    looked = processes.look(pid)
    if looked is None:
        return
    processes.end(lambda: processes.family(pid, looked.started))
    if program.environ.get("HOME") == str(program.folder):  # nobody else's programs have this home
        mark = {f"{name}={program.environ[name]}".encode() for name in ("HOME", "PYTHONNOUSERSITE")}
        processes.end(lambda: processes.marked(mark, looked.started))


def end_running() -> None:
    """Kill all programs that run now, with their families; for the moment when this process is told to end."""
    for pid, started in list(_running):
        processes.end(lambda pid=pid, started=started: processes.family(pid, started), patience=2.0)  # type: ignore[misc]


def end_leftover(note: Path) -> None:
    """Kill what an earlier pass left running. Raises LeftoverError when it will not go."""
    try:
        pid, started = map(int, note.read_text("ascii").split())
    except (OSError, ValueError):
        return
    if processes.family(pid, started):
        _log.warning("Ending what an interrupted pass left running: process %d", pid)
    if processes.end(lambda: processes.family(pid, started)):
        raise LeftoverError(f"process {pid} of an interrupted pass cannot be ended; end it by hand")
    note.unlink(missing_ok=True)


def words_of(script: Path) -> tuple[str, ...]:
    """Return what a script's first line says to run it with, and the script; a program stands for itself."""
    with script.open("rb") as file:
        first = file.readline(4096)
    return (*_shebang(first), str(script))


def _shebang(first: bytes) -> Sequence[str]:
    return first[2:].decode("utf-8", "surrogateescape").split() if first.startswith(b"#!") else ()

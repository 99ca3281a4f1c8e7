"""One program run to its end: its own session, its owner's rights, its lines in the log as they come.

What is running is noted in the node's own folder. A pass that finds a note of a pass that was killed ends what
is left of its program first, so that no two builds are ever at work in one directory.

The note comes first: a program that is noted waits behind a gate, a shell that reads one line and then becomes the
program. A pass that dies before the note is written closes the gate by dying, and nothing has been started.
"""

import contextlib
import logging
import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pilothouse.files import write_atomic
from pilothouse.node import processes
from pilothouse.node.errors import LeftoverError, TimedOutError
from pilothouse.node.identity import Identity

_log = logging.getLogger("slapos")
_CHUNK: Final = 65536
_LONGEST: Final = 1024 * 1024  # bytes of a line
_KEPT: Final = 16 * 1024 * 1024  # characters
_UMASK: Final = 0o027
_GATE: Final = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "gate")
_MARK: Final = "PILOTHOUSE_CHILD"
_running: Final[set[tuple[int, int, Path | None]]] = set()


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
    process = _started(program)
    looked = processes.look(process.pid)
    known = (process.pid, looked.started if looked else 0, program.note)
    _running.add(known)
    try:
        if program.note:
            write_atomic(program.note, f"{known[0]} {known[1]}\n".encode(), mode=0o600)
        _open_gate(process)
        return _followed(program, process) if program.captured else Ended(process.wait(), "")
    except BaseException:
        processes.end(_finder(*known))
        process.wait()
        raise
    finally:
        _running.discard(known)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        if program.note:
            program.note.unlink(missing_ok=True)


def _started(program: Program) -> subprocess.Popen[bytes]:
    """Start a program; one that is noted waits at its gate."""
    who, gated = program.who, program.note is not None and program.captured
    mark = {_MARK: str(program.note)} if program.note else {}
    return subprocess.Popen(
        (*_GATE, *program.words) if gated else program.words,
        cwd=program.folder,
        env={**program.environ, **mark},
        stdin=subprocess.PIPE if gated else subprocess.DEVNULL if program.captured else None,
        stdout=subprocess.PIPE if program.captured else None,
        stderr=subprocess.STDOUT if program.captured else None,
        umask=program.umask,
        start_new_session=program.captured,
        user=who.uid if who.drops else None,
        group=who.gid if who.drops else None,
        extra_groups=who.groups if who.drops else None,
    )


def _open_gate(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with contextlib.suppress(BrokenPipeError), process.stdin as gate:
            gate.write(b"go\n")


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
    """Output that is logged line by line while it comes, and kept: its end, when there is more than a machine bears."""

    def __init__(self, *, shown: bool = True) -> None:
        self._parts = deque[str]()
        self._size = self._dropped = 0
        self._open = b""
        self._shown = shown

    def take(self, chunk: bytes) -> None:
        """Take a piece of output."""
        *whole, self._open = (self._open + chunk).split(b"\n")
        for line in whole:
            self._say(line)
        if len(self._open) > _LONGEST:
            self._say(self._open)
            self._open = b""

    def finish(self) -> str:
        """Return everything."""
        if self._open:
            self._say(self._open)
            self._open = b""
        left_out = f"({self._dropped} characters before are left out)\n" if self._dropped else ""
        return left_out + "".join(self._parts)

    def _say(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._parts.append(f"{text}\n")
        self._size += len(text) + 1
        while self._size > _KEPT:
            gone = len(self._parts.popleft())
            self._size -= gone
            self._dropped += gone
        if self._shown:
            _log.info("%s", text)


def _finder(pid: int, started: int, note: Path | None) -> Callable[[], list[processes.Process]]:
    """Return what finds a program's family, also those who left its session: their environment names the note."""

    def find() -> list[processes.Process]:
        found = {one.pid: one for one in processes.family(pid, started)}
        if note:
            found |= {one.pid: one for one in processes.marked(f"{_MARK}={note}")}
        return list(found.values())

    return find


def end_running() -> None:
    """Kill all programs that run now, with their families; for the moment when this process is told to end."""
    for known in list(_running):
        processes.end(_finder(*known), patience=2.0)


def end_leftover(note: Path) -> None:
    """Kill what an earlier pass left running. Raises LeftoverError when it will not go."""
    try:
        pid, started = map(int, note.read_text("ascii").split())
    except (OSError, ValueError):
        return
    find = _finder(pid, started, note)
    if find():
        _log.warning("Ending what an interrupted pass left running: process %d", pid)
    if processes.end(find):
        raise LeftoverError(f"process {pid} of an interrupted pass cannot be ended; end it by hand")
    note.unlink(missing_ok=True)


def words_of(script: Path) -> tuple[str, ...]:
    """Return what a script's first line says to run it with, and the script; a program stands for itself."""
    # not a path's own way: a pipe in its place would be waited for
    with os.fdopen(os.open(script, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        first = file.readline(4096)
    return (*_shebang(first), str(script))


def _shebang(first: bytes) -> Sequence[str]:
    return first[2:].decode("utf-8", "surrogateescape").split() if first.startswith(b"#!") else ()

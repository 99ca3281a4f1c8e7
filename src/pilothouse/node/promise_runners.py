"""The processes that run promises: one that is warm and forks for each partition, others for other Pythons."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.node.environment import cleaned, without_ours

_PROGRAM: Final = str(Path(__file__).with_name("promising") / "path")
_PIECE: Final = 64 * 1024
_LINE: Final = 1024 * 1024  # bytes of one event; the user of a partition may have put anything there
_ALL: Final = 256 * 1024 * 1024
_COMPLAINT: Final = 64 * 1024  # bytes of what a runner says that is no event
_PARTING: Final = 3.0  # seconds for a runner to end its promises after it was hung up on


class Conversation:
    """What one runner says. ``complaint`` is what its Python said that is no event, once it has ended."""

    def __init__(self, channel: socket.socket) -> None:
        self.complaint = ""
        self._channel = channel

    def events(self, seconds: float) -> Iterator[Any]:
        """Yield the events until the runner has said all. Raises TimeoutError when that takes longer than this."""
        end = time.monotonic() + seconds
        rest, said = b"", 0
        while piece := self._read(end):
            *lines, rest = (rest + piece).split(b"\n")
            said += len(piece)
            if len(rest) > _LINE or said > _ALL:
                raise OSError(errno.EMSGSIZE, "they say more than promises have to say")
            for line in lines:
                with suppress(msgspec.DecodeError, RecursionError):
                    yield msgspec.json.decode(line)

    def _read(self, end: float) -> bytes:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._channel.settimeout(left)
        try:
            return self._channel.recv(_PIECE)
        except ConnectionError:
            return b""

    def hang_up(self) -> None:
        """Let the runner end what it is running, and see it end."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
            for _ in self.events(_PARTING):
                continue
        self._channel.close()


class Runners:
    """Starts runners; any number of threads may ask at once.

    The warm process is started when it is first needed. It ends when this process does, or at ``close``.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._warm: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def close(self) -> None:
        """End the warm process; runners that it forked end with their conversations."""
        with self._starting:
            if self._door is not None and self._warm is not None:
                self._door.close()
                try:
                    self._warm.wait(_PARTING)
                except subprocess.TimeoutExpired:
                    self._warm.kill()
                    self._warm.wait()
                self._door = self._warm = None

    @contextmanager
    def conversation(self, python: str | None, request: dict[str, Any]) -> Iterator[Conversation]:
        """Start a runner for a request. Leaving hangs up, which ends whatever the runner is running.

        ``python`` is the interpreter, None for our own. Raises OSError when it cannot be started.
        """
        ours, theirs = socket.socketpair()
        conversation = Conversation(ours)
        process: _Other | None = None
        try:
            with theirs:
                if python is None:
                    self._fork(theirs)
                else:
                    process = _Other(python, theirs, request)
            ours.sendall(msgspec.json.encode({key: request[key] for key in request if key != "home"}) + b"\n")
            yield conversation
        finally:
            conversation.hang_up()
            if process is not None:
                conversation.complaint = process.end()

    def _fork(self, channel: socket.socket) -> None:
        with self._starting:
            if self._door is None or self._warm is None or self._warm.poll() is not None:
                if self._door is not None:
                    self._door.close()
                self._door = self._start()
            socket.send_fds(self._door, [b"."], [channel.fileno()])

    def _start(self) -> socket.socket:
        door, theirs = socket.socketpair()
        with theirs:
            self._warm = subprocess.Popen(
                [sys.executable, "-S", _PROGRAM, "serve", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=without_ours(os.environ),
                start_new_session=True,
            )
        return door


class _Other:
    """A single runner in another Python, the partition's user from its first instruction on."""

    def __init__(self, python: str, channel: socket.socket, request: dict[str, Any]) -> None:
        self._complaint = os.memfd_create("complaint")
        try:
            self._process = subprocess.Popen(
                [python, "-S", _PROGRAM, "one", str(channel.fileno())],
                pass_fds=[channel.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaint,
                cwd=request["partition"],
                env=cleaned(os.environ, request["home"]),
                start_new_session=True,
                **_identity(request),
            )
        except BaseException:
            os.close(self._complaint)
            raise

    def end(self) -> str:
        """End it, and return what it complained about."""
        try:
            self._process.wait(_PARTING)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        said = os.pread(self._complaint, _COMPLAINT, 0).decode("utf-8", "replace")
        os.close(self._complaint)
        return said


def _identity(request: dict[str, Any]) -> dict[str, Any]:
    if os.geteuid() != 0 or not request["uid"] or not request["gid"]:
        return {}
    groups = os.getgrouplist(request["user"], request["gid"]) if request["user"] else [request["gid"]]
    return {"user": request["uid"], "group": request["gid"], "extra_groups": groups}

"""The job's Unix datagram socket: ``<run folder>/job<pid>.sock`` (spec section 4.8).

Nothing that arrives here can disturb the job: what is no message is refused, and said so at most a few times.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.engine.actions import LARGEST, Desk, StopListeningError, carry_out, failure
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import PilothouseError

_LONGEST_PATH: Final = 107
_MOST_AT_WORK: Final = 2048
_MOST_COMPLAINTS: Final = 10
_REPLY_TRIES: Final = 20
_REPLY_PAUSE: Final = 0.05
_ALIAS: Final = "socket-alias"

Address = str | bytes | None


@contextlib.asynccontextmanager
async def listening(space: Workspace, desk: Desk, complain: Callable[[str], None]) -> AsyncIterator[str]:
    """Serve the socket while the context lasts; yields its path, "" when the socket could not be made.

    ``complain`` gets a text for each of the first few datagrams that are no messages.
    """
    place = _Place(space)
    try:
        bound = place.bind()
    except OSError as error:
        complain(f"the job's socket cannot be made, so operations cannot reach the engine: {error}")
        place.remove()
        yield ""
        return
    server = _Server(bound, desk, complain)
    serving = asyncio.create_task(server.serve())
    try:
        yield place.path
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        bound.close()
        place.remove()


class _Place:
    """Where the socket lies: in the run folder, reached through a short alias when its path is too long."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._note = space.root / ".run" / _ALIAS
        self.path = str(socket_path(space, os.getpid()))

    def bind(self) -> socket.socket:
        self._sweep()
        if len(os.fsencode(self.path)) > _LONGEST_PATH:
            self._shorten()
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            # before the bind, so that there is no moment in which others could write to it
            os.fchmod(bound.fileno(), 0o600)
            bound.bind(self.path)
        except OSError:
            bound.close()
            raise
        return bound

    def remove(self) -> None:
        socket_path(self._space, os.getpid()).unlink(missing_ok=True)
        self._sweep_alias()

    def _sweep(self) -> None:
        """Remove what a killed engine left; the caller holds the job's lock, so nobody else is alive."""
        for stale in self._space.root.glob("job*.sock"):
            stale.unlink(missing_ok=True)
        self._sweep_alias()

    def _sweep_alias(self) -> None:
        with contextlib.suppress(OSError):
            folder = Path(self._note.read_text("utf-8"))
            if (folder / "run").readlink() == self._space.root:
                (folder / "run").unlink()
                folder.rmdir()
            self._note.unlink()

    def _shorten(self) -> None:
        import tempfile  # noqa: PLC0415 - few jobs lie so deep

        folder = Path(tempfile.mkdtemp(prefix="pilothouse-"))
        self._note.write_text(str(folder), "utf-8")
        (folder / "run").symlink_to(self._space.root)
        self.path = str(folder / "run" / Path(self.path).name)


class _Server:
    """Takes datagrams as they come, each carried out in a task of its own."""

    def __init__(self, bound: socket.socket, desk: Desk, complain: Callable[[str], None]) -> None:
        self._socket = bound
        self._desk = desk
        self._complain = complain
        self._complaints = 0
        self._closing = False
        self._room = asyncio.Semaphore(_MOST_AT_WORK)

    async def serve(self) -> None:
        """Serve until cancelled, or until a datagram says to stop; what is under way then still gets its reply."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._room.acquire()
                content, sender = await loop.sock_recvfrom(self._socket, LARGEST + 1)
                if self._closing:
                    return
                tasks.create_task(self._handle(content, sender))

    async def _handle(self, content: bytes, sender: Address) -> None:
        try:
            reply = await carry_out(self._desk, content)
        except StopListeningError:
            self._closing = True
            # senders get an error from now on, instead of waiting for a reply that never comes
            self._socket.shutdown(socket.SHUT_RD)
            return
        except PilothouseError as error:
            reply = failure(content, error)
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a datagram leads to, the job goes on
            reply = None
            self._refuse(f"{type(error).__name__}: {error}")
        finally:
            self._room.release()
        if reply is not None and sender:
            await self._reply(reply, sender)

    def _refuse(self, text: str) -> None:
        self._complaints += 1
        if self._complaints <= _MOST_COMPLAINTS:
            self._complain(f"refused a datagram on the job's socket: {text}")

    async def _reply(self, reply: dict[str, Any], sender: Address) -> None:
        """Send a reply; a client that is gone or does not read gets none."""
        content = msgspec.json.encode(reply)
        for _ in range(_REPLY_TRIES):
            try:
                self._socket.sendto(content, sender)  # type: ignore[arg-type]
            except BlockingIOError:
                await asyncio.sleep(_REPLY_PAUSE)
            except OSError:
                return
            else:
                return


def socket_path(space: Workspace, pid: int) -> Path:
    """Return where the engine ``pid`` of this job listens."""
    return space.root / f"job{pid}.sock"


def send(space: Workspace, pid: int, message: dict[str, Any], patience: float) -> dict[str, Any] | None:
    """Send a message to a job's engine and wait ``patience`` seconds for its reply; None when none comes.

    Blocking: for commands, not for the engine.
    """
    folder = os.open(space.root, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(patience)
            client.bind("")  # the kernel chooses an abstract address, which leaves no file behind
            # through the descriptor, since the full path may be longer than a socket's address
            client.sendto(msgspec.json.encode(message), f"/proc/self/fd/{folder}/{socket_path(space, pid).name}")
            found = msgspec.json.decode(client.recv(LARGEST))
            return found if isinstance(found, dict) else None
    except (OSError, msgspec.DecodeError):
        return None
    finally:
        os.close(folder)

"""Named locks between the jobs of one machine, kept by the kernel: an engine that dies lets go of its own."""

import asyncio
import fcntl
import hashlib
import os
from pathlib import Path
from typing import Any, Final

import msgspec

_AGAIN: Final = 0.25
_BYTES: Final = 6


class _Ticket(msgspec.Struct, frozen=True):
    """A lock that is held or waited for: an open file whose lock is taken or to be taken."""

    descriptor: int
    flag: int
    holder: bytes


class FileLocks:
    """Locks by owner and target, each a file in ``folder``; readers share, a writer is alone.

    Speaks the documented lock requests and replies (spec section 4.11), as a control server does.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tickets: dict[str, _Ticket] = {}

    async def exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out a request (``action`` lock, retry, unlock or cancel); raises OSError when the disk refuses."""
        return await asyncio.to_thread(self._exchange, request)

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        identity = str(request.get("lockId"))
        if request.get("action") in {"unlock", "cancel"}:
            ticket = self._tickets.pop(identity, None)
            if ticket is not None:
                os.close(ticket.descriptor)
            return {"lockId": request.get("lockId"), "wait": 0, "message": ""}
        if request.get("action") == "retry" and identity in self._tickets:
            return self._take(int(identity), wait=True)
        number = int.from_bytes(os.urandom(_BYTES))
        self._tickets[str(number)] = self._ticket(request)
        return self._take(number, wait=str(request.get("wait", 1)) != "0")

    def _ticket(self, request: dict[str, Any]) -> _Ticket:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{request.get('lockOwner')}\0{request.get('lockTarget')}"
        path = self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        flag = fcntl.LOCK_SH if request.get("lockMode") == "read" else fcntl.LOCK_EX
        holder = f"job {request.get('jobId')}, process {request.get('pid')}"
        return _Ticket(descriptor, flag, holder.encode())

    def _take(self, number: int, *, wait: bool) -> dict[str, Any]:
        ticket = self._tickets[str(number)]
        try:
            fcntl.flock(ticket.descriptor, ticket.flag | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(ticket.descriptor, 200, 0).decode("utf-8", "replace")
            message = f"held by {holder or 'another job'}"
            if wait:
                return {"lockId": number, "wait": 1, "message": message, "retryAfter": _AGAIN}
            os.close(self._tickets.pop(str(number)).descriptor)
            return {"lockId": None, "wait": 0, "message": message}
        os.ftruncate(ticket.descriptor, 0)
        os.pwrite(ticket.descriptor, ticket.holder, 0)
        return {"lockId": number, "wait": 0, "message": ""}

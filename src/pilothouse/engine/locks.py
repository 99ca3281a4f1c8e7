"""Global locks of a job's operations: asked for at the control server, remembered here (spec section 4.11).

The server (or, without one, the data folder) decides; this proxy waits, asks again, knows what the job holds,
and lets go of everything when the job ends.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from pilothouse.errors import PilothouseError

Exchange = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

_LONGEST_MESSAGE: Final = 300


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: until asking again without a notice, between further tries, in all, and after an error."""

    notice: float = 60.0
    again: float = 15.0
    limit: float = 3600.0
    error: float = 5.0
    exit: float = 10.0


class Ledger(Protocol):
    """Remembers locks beyond the engine's life, so that the next one can let go of them."""

    def hold_lock(self, lock_id: str, request: dict[str, Any]) -> Awaitable[None]:
        """Note a lock that is held or waited for."""
        ...

    def drop_lock(self, lock_id: str) -> Awaitable[None]:
        """Forget a lock."""
        ...

    async def held_locks(self) -> list[dict[str, Any]]:
        """Return what was noted and not forgotten."""
        ...


class GlobalLocks:
    """The locks that one job holds or waits for."""

    def __init__(self, job_id: str, exchange: Exchange, ledger: Ledger, patience: Patience | None = None) -> None:
        self._job_id = job_id
        self._exchange = exchange
        self._ledger = ledger
        self._patience = patience or Patience()
        self._held: dict[tuple[str, ...], dict[str, Any]] = {}
        self._asking: dict[tuple[str, ...], asyncio.Future[dict[str, Any]]] = {}
        self._notices: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, dict[str, Any]] = {}

    async def carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        """Lock or unlock; returns the lock's facts, with ``lockId`` None and a ``message`` when it failed.

        The same process asking again for what it holds gets the same lock; one unlock lets go of it.
        """
        request = {**request, "jobId": self._job_id}
        try:
            if request.get("action") in {"unlock", "cancel"}:
                return await self._let_go(request)
            return await self._lock(request)
        except (PilothouseError, OSError) as error:
            return _refused(str(error))

    def notify(self, lock_id: object) -> None:
        """Take note that a lock waited for has been granted; one that nobody asks for is ignored."""
        name = str(lock_id)
        if self._asking or name in self._notices:
            self._notices.setdefault(name, asyncio.Event()).set()

    async def release_stale(self) -> None:
        """Unlock, within a short time, what an engine held that was killed; what fails is tried by the next one."""
        await self._release([{**request, "action": "unlock"} for request in await self._ledger.held_locks()])

    async def release_all(self) -> None:
        """Cancel what is waited for and unlock what is held, within a short time: the job is over."""
        calls = [{**request, "action": "cancel"} for request in self._waiting.values()]
        calls += [{**facts["request"], "action": "unlock"} for facts in self._held.values()]
        self._held.clear()
        self._waiting.clear()
        await self._release(calls)

    async def _release(self, calls: list[dict[str, Any]]) -> None:
        async def release(call: dict[str, Any]) -> None:
            await self._exchange(call)
            await self._ledger.drop_lock(str(call["lockId"]))

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.exit):
                await asyncio.gather(*map(release, calls), return_exceptions=True)

    async def _lock(self, request: dict[str, Any]) -> dict[str, Any]:
        key = tuple(str(request.get(name)) for name in ("pid", "lockOwner", "lockTarget", "lockMode"))
        if key in self._held:
            return dict(self._held[key]["reply"])
        if key in self._asking:
            return await asyncio.shield(self._asking[key])
        asking = self._asking[key] = asyncio.get_running_loop().create_future()
        reply = _refused("the job is ending")
        try:
            reply = await self._acquire(request)
            if reply.get("lockId") is not None:
                held = {**request, "lockId": reply["lockId"]}
                self._held[key] = {"reply": reply, "request": held}
        finally:
            del self._asking[key]
            if not self._asking:
                self._notices.clear()
            asking.set_result(reply)
        return reply

    async def _acquire(self, request: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience.limit
        reply = await self._exchange({**request, "action": "lock"})
        if reply.get("lockId") is not None:
            await self._ledger.hold_lock(str(reply["lockId"]), {**request, "lockId": reply["lockId"]})
        patience = self._patience.notice
        while reply.get("lockId") is not None and reply.get("wait"):
            lock_id = reply["lockId"]
            request = {**request, "lockId": lock_id}
            self._waiting[str(lock_id)] = request
            if await self._noticed(str(lock_id), float(reply.get("retryAfter") or patience)):
                reply = {**reply, "wait": 0}
            elif time.monotonic() >= deadline:
                await self._let_go({**request, "action": "cancel"})
                return _refused(f"the lock was not free within {self._patience.limit:.0f} s")
            else:
                reply = await self._retry(request, reply)
            self._waiting.pop(str(lock_id), None)
            patience = self._patience.again
        return {name: value for name, value in reply.items() if name != "retryAfter"}

    async def _noticed(self, lock_id: str, patience: float) -> bool:
        event = self._notices.setdefault(lock_id, asyncio.Event())
        try:
            async with asyncio.timeout(patience):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def _retry(self, request: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._exchange({**request, "action": "retry"})
        except (PilothouseError, OSError):
            return before

    async def _let_go(self, request: dict[str, Any]) -> dict[str, Any]:
        """Unlock or cancel, again and again when the server does not answer."""
        lock_id = str(request.get("lockId"))
        for key in [key for key, facts in self._held.items() if str(facts["reply"]["lockId"]) == lock_id]:
            del self._held[key]
        deadline = time.monotonic() + self._patience.limit
        while True:
            try:
                reply = await self._exchange(request)
            except (PilothouseError, OSError):
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(self._patience.error)
            else:
                await self._ledger.drop_lock(lock_id)
                return reply


def _refused(message: str) -> dict[str, Any]:
    return {"lockId": None, "message": message[:_LONGEST_MESSAGE]}

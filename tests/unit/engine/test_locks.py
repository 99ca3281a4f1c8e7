"""The job's lock proxy: re-entrant, patient, and empty-handed at the end (spec 4.11; check 72)."""

import asyncio
from typing import Any

import pytest

from pilothouse.engine.locks import GlobalLocks, Patience
from pilothouse.errors import TransportError

QUICK = Patience(notice=0.05, again=0.02, limit=0.3, error=0.01, exit=1.0)


class Server:
    """Grants locks in the order of its ``replies``; a reply of None is an outage."""

    def __init__(self, *replies: dict[str, Any] | None) -> None:
        self.replies = list(replies)
        self.calls: list[tuple[str, object]] = []

    async def global_lock(self, request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        self.calls.append((request["action"], request.get("lockId")))
        reply = self.replies.pop(0) if self.replies else {"lockId": request.get("lockId"), "wait": 0}
        if reply is None:
            raise TransportError("the server is silent")
        return reply


class Memory:
    """What a journal remembers of locks."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    async def hold_lock(self, lock_id: str, request: dict[str, Any]) -> None:
        self.kept[lock_id] = request

    async def drop_lock(self, lock_id: str) -> None:
        self.kept.pop(lock_id, None)

    async def held_locks(self) -> list[dict[str, Any]]:
        return list(self.kept.values())


def request(action: str = "lock", **fields: Any) -> dict[str, Any]:
    return {"action": action, "pid": "11", "lockOwner": "1/2", "lockTarget": "w", "lockMode": "write", **fields}


async def test_the_same_lock_again_is_the_same_lock_and_one_unlock_frees_it() -> None:
    """check 72"""
    server = Server({"lockId": 1, "wait": 0}, {"lockId": 1, "wait": 0}, {"lockId": 2, "wait": 0})
    locks = GlobalLocks("7", server.global_lock, Memory(), QUICK)
    first = await locks.carry_out(request())
    assert await locks.carry_out(request()) == first == {"lockId": 1, "wait": 0}
    await locks.carry_out(request("unlock", lockId="1"))
    assert (await locks.carry_out(request()))["lockId"] == 2
    assert server.calls == [("lock", None), ("unlock", "1"), ("lock", None)]


async def test_two_askers_of_one_process_wait_for_one_lock() -> None:
    server = Server({"lockId": 1, "wait": 1})
    locks = GlobalLocks("7", server.global_lock, Memory(), Patience(notice=5))
    both = [asyncio.create_task(locks.carry_out(request())) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in both)
    locks.notify("1")
    assert [(await task)["lockId"] for task in both] == [1, 1]
    assert server.calls == [("lock", None)]


async def test_a_notice_that_comes_before_the_reply_counts() -> None:
    server = Server({"lockId": 1, "wait": 1})
    locks = GlobalLocks("7", server.global_lock, Memory(), Patience(notice=5))
    asking = asyncio.create_task(locks.carry_out(request()))
    await asyncio.sleep(0)
    locks.notify(1)
    async with asyncio.timeout(1):
        assert (await asking)["wait"] == 0


async def test_without_a_notice_it_asks_again_through_outages_and_then_gives_up() -> None:
    server = Server({"lockId": 1, "wait": 1}, None, *[{"lockId": 1, "wait": 1}] * 50)
    reply = await GlobalLocks("7", server.global_lock, Memory(), QUICK).carry_out(request())
    assert reply["lockId"] is None
    assert "not free within" in reply["message"]
    actions = [action for action, _ in server.calls]
    assert actions[0] == "lock"
    assert actions[-1] == "cancel"
    assert set(actions[1:-1]) == {"retry"}


async def test_an_outage_at_the_first_request_is_told_to_the_client() -> None:
    reply = await GlobalLocks("7", Server(None).global_lock, Memory(), QUICK).carry_out(request())
    assert reply == {"lockId": None, "message": "the server is silent"}


async def test_unlocking_outlasts_an_outage() -> None:
    server = Server({"lockId": 1, "wait": 0}, None, None)
    locks = GlobalLocks("7", server.global_lock, Memory(), QUICK)
    await locks.carry_out(request())
    assert (await locks.carry_out(request("unlock", lockId=1)))["lockId"] == 1
    assert [action for action, _ in server.calls] == ["lock", "unlock", "unlock", "unlock"]


@pytest.mark.parametrize("silent", [False, True])
async def test_at_the_end_held_locks_are_released_and_waiting_ones_cancelled(silent: bool) -> None:
    server = Server({"lockId": 1, "wait": 0}, {"lockId": 2, "wait": 1}, *([None, None] if silent else []))
    locks = GlobalLocks("7", server.global_lock, Memory(), Patience(notice=5))
    await locks.carry_out(request())
    waiting = asyncio.create_task(locks.carry_out(request(lockTarget="other")))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.wait([waiting])
    await locks.release_all()
    assert set(server.calls[2:]) == {("unlock", 1), ("cancel", 2)}


async def test_a_server_that_never_answers_does_not_hold_up_the_end() -> None:
    async def hang(request: dict[str, Any]) -> dict[str, Any]:
        if request["action"] == "unlock":
            await asyncio.sleep(60)
        return {"lockId": 1, "wait": 0}

    locks = GlobalLocks("7", hang, Memory(), Patience(exit=0.1))
    await locks.carry_out(request())
    async with asyncio.timeout(2):
        await locks.release_all()


@pytest.mark.parametrize("silent", [False, True])
async def test_the_locks_of_a_killed_engine_are_released_by_the_next_one(silent: bool) -> None:
    """check 72"""
    memory = Memory()
    server = Server({"lockId": 1, "wait": 0}, {"lockId": 2, "wait": 0})
    killed = GlobalLocks("7", server.global_lock, memory, QUICK)
    await killed.carry_out(request())
    await killed.carry_out(request(lockTarget="other"))
    await killed.carry_out(request("unlock", lockId=2))
    assert set(memory.kept) == {"1"}
    await GlobalLocks("7", Server(*([None] if silent else [])).global_lock, memory, QUICK).release_stale()
    assert set(memory.kept) == ({"1"} if silent else set())

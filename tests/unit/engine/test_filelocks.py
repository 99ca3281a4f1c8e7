"""Locks between the jobs of one machine."""

from pathlib import Path
from typing import Any

from pilothouse.engine.filelocks import FileLocks


def request(action: str = "lock", **fields: Any) -> dict[str, Any]:
    return {
        "action": action,
        "lockOwner": "1/2",
        "lockTarget": "workspace",
        "lockMode": "write",
        "jobId": "7",
        **fields,
    }


async def test_a_writer_is_alone_and_the_next_one_learns_who_holds_the_lock(tmp_path: Path) -> None:
    one, other = FileLocks(tmp_path), FileLocks(tmp_path)
    held = await one.exchange(request(pid="11"))
    assert held["wait"] == 0
    waiting = await other.exchange(request(jobId="8"))
    assert (waiting["wait"], waiting["message"]) == (1, "held by job 7, process 11")
    again = request("retry", lockId=waiting["lockId"])
    assert (await other.exchange(again))["wait"] == 1
    await one.exchange(request("unlock", lockId=held["lockId"]))
    assert (await other.exchange(again)) == {"lockId": waiting["lockId"], "wait": 0, "message": ""}


async def test_readers_share_and_other_targets_are_free(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path)
    for _ in range(2):
        assert (await locks.exchange(request(lockMode="read")))["wait"] == 0
    assert (await locks.exchange(request()))["wait"] == 1
    assert (await locks.exchange(request(lockTarget="artifact")))["wait"] == 0
    assert (await locks.exchange(request(lockOwner="1/3")))["wait"] == 0


async def test_who_does_not_want_to_wait_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    locks = FileLocks(tmp_path)
    held = await locks.exchange(request())
    assert (await locks.exchange(request(wait=0)))["lockId"] is None
    await locks.exchange(request("unlock", lockId=str(held["lockId"])))
    assert (await locks.exchange(request(wait=0)))["wait"] == 0


async def test_cancelling_and_unlocking_what_is_unknown_does_nothing(tmp_path: Path) -> None:
    assert (await FileLocks(tmp_path).exchange(request("cancel", lockId=5)))["lockId"] == 5

"""The calls that a running job makes, one by one."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.console import Console, envelope, refusal

from pilothouse.controlserver import calls
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.replies import ServerRefusedError
from pilothouse.engine.control import Control
from pilothouse.engine.server.filecache import FileCache
from pilothouse.engine.server.pushes import Facts
from pilothouse.engine.server.session import Session
from pilothouse.engine.workspace import workspace

FACTS = Facts(job_id="4301", runner_id=7, pass_through={"runnerId": 7})


@pytest.fixture
async def client(console: Console) -> AsyncIterator[Client]:
    made = Client(console.server())
    yield made
    await made.close()


@pytest.fixture
async def session(client: Client, tmp_path: Path) -> AsyncIterator[Session]:
    space = workspace(tmp_path, "4301")
    space.create()
    async with Session(client, FACTS, space, FileCache(tmp_path / "cache"), Control()) as made:
        yield made


async def test_variables_and_parameters_are_delivered_in_order(console: Console, session: Session) -> None:
    await session.set_variable("4301", "CITY", "北京", hidden=True)
    await session.set_global_parameter("4301", "release", "2.4")
    await session.caught_up()
    first, second = console.requests
    assert (first.path, second.path) == (calls.SET_VARIABLE, calls.SET_GLOBAL)
    assert isinstance(first.body.pop("time"), float)
    assert isinstance(second.body.pop("time"), float)
    common = {"jobId": "4301", "passThroughEnv": {"runnerId": 7}}
    assert first.body == {**common, "envName": "CITY", "envValue": "北京", "isHidden": 1}
    assert second.body == {**common, "key": "release", "defaultValue": "2.4"}


async def test_an_unknown_parameter_is_told_on_the_console_and_fails_nothing(
    console: Console, session: Session
) -> None:
    console.faults[calls.SET_GLOBAL].append(refusal(520, "no such parameter"))
    await session.set_global_parameter("4301", "nope", "1")
    await session.caught_up()
    assert "no such parameter" in session.unsaid[0]


async def test_the_end_of_a_round_names_runner_and_process_and_comes_after_the_states(
    console: Console, session: Session
) -> None:
    await session.set_variable("4301", "A", "1", hidden=False)
    await session.round_ended("4301", 0, "g", 2)
    before, told = console.requests
    assert before.path == calls.SET_VARIABLE
    assert isinstance(told.body.pop("time"), float)
    assert told.path == calls.ROUND_ENDED
    assert told.body == {
        "jobId": "4301",
        "runnerId": 7,
        "groupNo": 0,
        "phase": "g",
        "roundNo": 2,
        "pid": os.getpid(),
        "passThroughEnv": {"runnerId": 7},
    }


async def test_locks_are_carried_to_the_server_and_back(console: Console, session: Session) -> None:
    console.answers[calls.LOCK] = lambda request: envelope({"lockId": 1001, "wait": 1, "message": "busy"})
    asked = {"action": "lock", "lockTarget": "workspace", "lockMode": "write", "pid": "28504", "operType": "deploy"}
    assert await session.global_lock(asked) == {"lockId": 1001, "wait": 1, "message": "busy"}
    assert console.requests[0].body == {**asked, "jobId": "4301"}


async def test_an_account_that_the_server_does_not_know_is_refused(console: Console, session: Session) -> None:
    from pilothouse.jobs.nodes import LOCAL

    with pytest.raises(ServerRefusedError, match="account not found"):
        await session.account(LOCAL, "app", "1", "ssh")


async def test_two_sessions_of_one_job_deliver_one_after_the_other(
    console: Console, client: Client, tmp_path: Path
) -> None:
    """The server starts the next group before it answers the request to do so."""
    space = workspace(tmp_path, "4301")
    space.create()
    first, later = (Session(client, FACTS, space, FileCache(tmp_path / "cache"), Control()) for _ in range(2))
    async with first:
        await first.set_variable("4301", "FIRST", "1", hidden=False)
        await first.caught_up()
        waiting = asyncio.create_task(_say(later, "SECOND"))
        await asyncio.sleep(0.5)
        assert [request.body["envName"] for request in console.requests] == ["FIRST"]
    await waiting
    assert [request.body["envName"] for request in console.requests] == ["FIRST", "SECOND"]


async def _say(session: Session, name: str) -> None:
    async with session:
        await session.set_variable("4301", name, "2", hidden=False)

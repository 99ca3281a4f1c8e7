"""The journal on real SQLite: durable across kills, loud on a full disk, quick in groups."""

import asyncio
import json
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.integration.engine.running import output, python

from pilothouse.engine.journal import Journal
from pilothouse.errors import JournalError
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.states import State

NODE = Node(resource_id=5001, host="h", port=7001)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path / "journal.db")
    await made.open()
    yield made
    await made.close()


async def reopened(path: Path) -> Journal:
    made = Journal(path)
    await made.open()
    return made


def node(number: int) -> Node:
    return Node(resource_id=number, host=f"h{number}")


async def test_what_is_written_is_read_after_opening_again(journal: Journal, tmp_path: Path) -> None:
    journal.begin_run(100.0, 4711, "admin", "d" * 64, b"{}")
    journal.set_phase("deploy", State.RUNNING, 100.5)
    journal.start_node("deploy", NODE, 101.0)
    journal.start_operation("deploy", NODE, "op_1", "token1", 101.5)
    journal.end_operation(
        "deploy", NODE, "op_1", State.SUCCEEDED, 102.0, 0, "", {5001: {"v": "\u4e2d"}, 0: {"v": 2**70}}
    )
    journal.start_operation("deploy", NODE, "op_2", "token2", 102.5)
    journal.end_operation("deploy", NODE, "op_2", State.FAILED, 103.0, 3, "exit code 3", {5001: None})
    journal.start_operation("deploy", NODE, "op_3", "token3", 103.5)
    await journal.end_node("deploy", NODE, State.FAILED, 104.0, 2, "op_2: exit code 3")
    journal.fact("mark", "abcd")
    journal.set_phase("deploy", State.FAILED, 100.5, 105.0)
    await journal.end_run(105.0, State.FAILED)
    await journal.close()

    again = await reopened(tmp_path / "journal.db")
    try:
        assert again.run == 1
        assert again.nodes == {("deploy", 5001): State.FAILED}
        marks = {name: mark for (_, _, name), mark in again.operations.items()}
        assert (marks["op_1"].state, marks["op_1"].code, marks["op_1"].open) == (State.SUCCEEDED, 0, False)
        assert (marks["op_2"].state, marks["op_2"].code, marks["op_2"].open) == (State.FAILED, 3, False)
        assert (marks["op_3"].state, marks["op_3"].token, marks["op_3"].open) == (State.RUNNING, "token3", True)
        assert await again.outputs(5001) == {"op_1": {"v": "\u4e2d"}}
        assert await again.outputs(0) == {"op_1": {"v": 2**70}}
        assert again.fact("mark", "other") == "abcd"
        (run,) = await again.runs()
        assert (run.started, run.ended, run.pid, run.user, run.state) == (100.0, 105.0, 4711, "admin", "failed")
        (phase,) = await again.phase_rows()
        assert (phase.phase, phase.state, phase.started, phase.ended) == ("deploy", "failed", 100.5, 105.0)
        (row,) = await again.node_rows()
        assert (row.key, row.state, row.warnings, row.reason) == ("h-7001-5001", "failed", 2, "op_2: exit code 3")
        rows = await again.operation_rows()
        assert [(row.operation, row.state, row.code) for row in rows] == [
            ("op_1", "succeeded", 0),
            ("op_2", "failed", 3),
            ("op_3", "running", None),
        ]
    finally:
        await again.close()


async def test_runs_are_numbered_across_openings(journal: Journal, tmp_path: Path) -> None:
    await journal.begin_run(1.0, 1, "a", "d", b"")
    await journal.begin_run(2.0, 1, "a", "d", b"")
    await journal.close()
    again = await reopened(tmp_path / "journal.db")
    await again.begin_run(3.0, 2, "b", "e", b"")
    assert [run.number for run in await again.runs()] == [1, 2, 3]
    await again.close()


async def test_forgetting_leaves_outputs_and_runs(journal: Journal) -> None:
    await journal.begin_run(1.0, 1, "a", "d", b"")
    journal.start_node("p", NODE, 1.0)
    journal.start_operation("p", NODE, "op", "t", 1.0)
    await journal.end_operation("p", NODE, "op", State.SUCCEEDED, 2.0, 0, "", {5001: {"v": 1}})
    await journal.forget()
    assert (journal.nodes, journal.operations) == ({}, {})
    assert (await journal.node_rows(), await journal.operation_rows()) == ([], [])
    assert await journal.outputs(5001) == {"op": {"v": 1}}
    assert len(await journal.runs()) == 1


async def test_the_file_is_private(journal: Journal, tmp_path: Path) -> None:
    await journal.begin_run(1.0, 1, "a", "d", b"")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_thousand_writes_at_once_are_a_few_commits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []

    def counted(rows: Sequence[Any]) -> None:
        commits.append(len(rows))
        commit(rows)

    async def one(number: int) -> None:
        await journal.start_node("p", node(number), 1.0)

    commit = journal._commit
    monkeypatch.setattr(journal, "_commit", counted)
    async with asyncio.TaskGroup() as tasks:
        for number in range(1000):
            tasks.create_task(one(number))
    assert sum(commits) == 1000
    assert len(commits) < 50
    assert len(await journal.node_rows()) == 1000


async def test_writes_are_carried_out_in_the_order_of_the_calls(journal: Journal) -> None:
    for number in range(200):
        journal.set_phase("p", State.RUNNING, float(number))
        if number % 7 == 0:
            await asyncio.sleep(0)
    await journal.set_phase("p", State.FAILED, 200.0)
    (row,) = await journal.phase_rows()
    assert (row.state, row.started) == ("failed", 200.0)


async def test_closing_writes_what_is_pending_and_twice_is_harmless(journal: Journal, tmp_path: Path) -> None:
    for number in range(50):
        journal.start_node("p", node(number), 1.0)
    await journal.close()
    await journal.close()
    again = await reopened(tmp_path / "journal.db")
    assert len(again.nodes) == 50
    await again.close()


async def test_a_write_after_closing_fails_instead_of_waiting(journal: Journal) -> None:
    await journal.close()
    with pytest.raises(JournalError):
        await asyncio.wait_for(asyncio.shield(journal.start_node("p", NODE, 1.0)), 5)


async def test_a_value_that_sqlite_refuses_fails_the_write_instead_of_waiting(journal: Journal) -> None:
    with pytest.raises(JournalError, match=r"journal\.db cannot be written"):
        await asyncio.wait_for(journal.start_node("p", Node(resource_id=2**63, host="h"), 1.0), 5)


async def test_after_a_failed_write_every_later_one_fails(journal: Journal) -> None:
    lost = journal.start_node("p", Node(resource_id=2**63, host="h"), 1.0)
    await asyncio.wait([lost])
    with pytest.raises(JournalError, match="cannot be written"):
        await journal.start_node("p", NODE, 1.0)
    assert await journal.node_rows() == []


async def test_a_journal_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JournalError, match="newer release"):
        await Journal(path).open()


@pytest.mark.parametrize("make", ["garbage", "folder", "nowhere"])
async def test_what_is_no_journal_is_refused_by_name(tmp_path: Path, make: str) -> None:
    path = tmp_path / "journal.db"
    if make == "garbage":
        path.write_bytes(b"this is not a database" * 100)
    elif make == "folder":
        path.mkdir()
    else:
        path = tmp_path / "missing" / "journal.db"
    journal = Journal(path)
    with pytest.raises(JournalError, match=r"journal\.db cannot be used"):
        await journal.open()
    await journal.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from pilothouse.engine.journal import Journal
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    start = int(sys.argv[2])

    async def one(lane):
        number = start + lane
        while True:
            node = Node(resource_id=number, host="h")
            journal.start_node("p", node, 1.0)
            journal.start_operation("p", node, "op", f"t{number}", 1.0)
            await journal.end_operation("p", node, "op", State.SUCCEEDED, 2.0, 0, "", {number: {"n": number}})
            await journal.end_node("p", node, State.SUCCEEDED, 3.0, 0, "")
            print(number, flush=True)
            number += 8

    async with asyncio.TaskGroup() as tasks:
        for lane in range(8):
            tasks.create_task(one(lane))

asyncio.run(main())
"""


async def test_a_killed_writer_loses_nothing_that_was_reported_done(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    told: set[int] = set()
    for attempt in range(8):
        process = python(WRITER, path, str(attempt * 1_000_000 + 1))
        try:
            told.add(int(output(process).readline()))
            time.sleep(0.01 + 0.013 * attempt)
        finally:
            process.kill()
        rest, _ = process.communicate()
        told |= {int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")}
        journal = await reopened(path)
        assert told <= {number for (_, number), state in journal.nodes.items() if state is State.SUCCEEDED}
        some = max(told)
        assert await journal.outputs(some) == {"op": {"n": some}}
        await journal.close()
    assert len(told) > 20


FULL = """
import asyncio, json, resource, sys
from pathlib import Path
from pilothouse.engine.journal import Journal
from pilothouse.errors import JournalError
from pilothouse.jobs.nodes import Node

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.open()
    done = 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        for number in range(100_000):
            await journal.start_node("p", Node(resource_id=number, host="h" * 100), 1.0)
            done += 1
    except JournalError as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        await journal.start_node("p", Node(resource_id=-1, host="h"), 1.0)
        later = "written"
    except JournalError:
        later = "refused"
    await journal.close()
    print(json.dumps([done, said, later]))

asyncio.run(main())
"""


async def test_a_full_disk_is_told_and_earlier_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    process = python(FULL, path)
    told, _ = process.communicate(timeout=60)
    done, said, later = json.loads(told)
    assert done > 10
    assert f"the journal {path} cannot be written" in said
    assert later == "refused"
    journal = await reopened(path)
    assert set(journal.nodes) >= {("p", number) for number in range(done)}
    assert ("p", -1) not in journal.nodes
    await journal.close()


async def test_reading_a_job_that_runs_disturbs_nobody(journal: Journal, tmp_path: Path) -> None:
    going, number = True, 0

    async def writes() -> None:
        nonlocal number
        while going:
            await journal.start_node("p", node(number), 1.0)
            number += 1

    writing = asyncio.create_task(writes())
    reads = 0
    while reads < 60 or number < 10:
        reads += 1
        reader = await reopened(tmp_path / "journal.db")
        await reader.node_rows()
        await reader.close()
    going = False
    await writing


async def test_the_writers_lock_is_not_needed_to_read(journal: Journal, tmp_path: Path) -> None:
    await journal.start_node("p", NODE, 1.0)
    writer = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    try:
        writer.execute("BEGIN IMMEDIATE")
        reader = await asyncio.wait_for(reopened(tmp_path / "journal.db"), 2)
        assert len(await reader.node_rows()) == 1
        await reader.close()
    finally:
        writer.close()


async def test_outputs_of_the_runner_are_kept_apart(journal: Journal) -> None:
    both: dict[int, dict[str, Any] | None] = {5001: {"v": 1}, LOCAL.resource_id: {"v": 1}}
    journal.start_operation("p", NODE, "op", "t", 1.0)
    await journal.end_operation("p", NODE, "op", State.SUCCEEDED, 2.0, 0, "", both)
    await journal.end_operation("p", NODE, "op", State.FAILED, 3.0, 1, "", {5001: None})
    assert await journal.outputs(5001) == {}
    assert await journal.outputs(0) == {"op": {"v": 1}}


async def test_a_journal_of_an_older_release_gets_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(2):
        journal = Journal(path)
        await journal.open()
        assert await journal.questions() == []
        assert await journal.held_locks() == []
        await journal.close()
        with sqlite3.connect(path) as connection:
            for table in ("question", "published", "lock"):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("PRAGMA user_version = 1")
        connection.close()

"""Outputs of operations: in the journal, and in the documented files (spec section 3.2)."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.engine.journal import Journal
from pilothouse.engine.outputs import JournalOutputs
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.states import State

NODE = Node(resource_id=5001, host="h", port=7001)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, "1")
    made.create()
    return made


@pytest.fixture
async def journal(space: Workspace) -> AsyncIterator[Journal]:
    made = Journal(space.journal)
    await made.open()
    yield made
    await made.close()


def shown(path: Path) -> Any:
    return json.loads(path.read_text())


async def test_outputs_are_shown_in_the_documented_file(journal: Journal, space: Workspace) -> None:
    store = JournalOutputs(journal, space, single=False)
    await store.keep(NODE, "grp/op_1", {"v": "\u4e2d"})
    await store.keep(NODE, "op_2", {"w": [1]})
    path = space.root / "output" / "h-7001-5001.json"
    assert shown(path) == {"nodeEnv": {}, "grp/op_1": {"v": "\u4e2d"}, "op_2": {"w": [1]}}
    assert '\n    "op_2": {' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not space.output(LOCAL).exists()
    await store.keep(NODE, "op_2", None)
    await store.keep(NODE, "op_3", None)
    assert shown(path) == {"nodeEnv": {}, "grp/op_1": {"v": "\u4e2d"}}
    assert await store.of(NODE) == {"grp/op_1": {"v": "\u4e2d"}}


async def test_the_only_nodes_outputs_are_the_runners_too(journal: Journal, space: Workspace) -> None:
    store = JournalOutputs(journal, space, single=True)
    assert store.owners(NODE) == (NODE, LOCAL)
    assert store.owners(LOCAL) == (LOCAL,)
    await store.keep(NODE, "op_1", {"v": 1})
    await store.keep(LOCAL, "here_1", {"w": 2})
    assert shown(space.output(NODE)) == {"nodeEnv": {}, "op_1": {"v": 1}}
    assert shown(space.output(LOCAL)) == {"nodeEnv": {}, "op_1": {"v": 1}, "here_1": {"w": 2}}
    assert JournalOutputs(journal, space, single=False).owners(NODE) == (NODE,)


async def test_a_later_engine_reads_them_from_the_journal(journal: Journal, space: Workspace) -> None:
    journal.start_operation("p", NODE, "op_1", "t", 1.0)
    await journal.end_operation("p", NODE, "op_1", State.SUCCEEDED, 2.0, 0, "", {5001: {"v": 1}})
    assert await JournalOutputs(journal, space, single=False).of(NODE) == {"op_1": {"v": 1}}


async def test_the_file_shows_the_newest_state_after_concurrent_work(journal: Journal, space: Workspace) -> None:
    store = JournalOutputs(journal, space, single=False)
    async with asyncio.TaskGroup() as tasks:
        for number in range(100):
            tasks.create_task(store.keep(NODE, f"op_{number}", {"n": number}))
    assert len(shown(space.output(NODE))) == 101

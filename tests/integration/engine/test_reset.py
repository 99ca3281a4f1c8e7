"""Status files taken away from outside (spec 5.2): the node, or the whole phase, runs again."""

import shutil
from collections import Counter

from tests.jobs import Bench, document, group, local_nodes, operation, phase

from pilothouse.engine.events import NodeSkipped
from pilothouse.engine.journal import Journal
from pilothouse.jobs.states import State

MARK = 'echo "$AUTOEXEC_PHASE_NAME/$OPERATION_ID/$NODE_NAME" >> "$AUTOEXEC_WORK_PATH/marks"'


def two_phases(job_id: str, last: str = "true") -> dict[str, object]:
    made = [
        phase(name, operation("o", MARK, "runner_target"), operation("e", f"{MARK}; {last}", "runner_target"))
        for name in ("a", "b")
    ]
    return document(job_id, *(group(number, part) for number, part in enumerate(made)))


def marks(bench: Bench, job_id: str) -> Counter[str]:
    return Counter((bench.space(job_id).root / "marks").read_text().split())


async def test_a_deleted_status_file_makes_its_node_run_again_and_no_other(bench: Bench) -> None:
    doc, targets = two_phases("4301"), local_nodes(3)
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    status = bench.space("4301").root / "status"
    (status / "a" / "127.0.0.1-7002-5002.json").unlink()
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    again = {mark for mark, number in marks(bench, "4301").items() if number == 2}
    assert again == {"a/o_1/n2", "a/e_1/n2"}
    assert len(bench.recorder.of(NodeSkipped)) == 5
    assert len(list(status.rglob("*.json"))) == 6
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    assert len(bench.recorder.of(NodeSkipped)) == 6


async def test_a_deleted_status_folder_makes_its_phase_run_again(bench: Bench) -> None:
    doc, targets = two_phases("4302"), local_nodes(2)
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    shutil.rmtree(bench.space("4302").root / "status" / "b")
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    assert {mark: number for mark, number in marks(bench, "4302").items() if number > 1} == {
        f"b/{name}_1/n{node}": 2 for name in ("o", "e") for node in (1, 2)
    }


async def test_a_failed_node_that_was_reset_starts_from_its_first_operation(bench: Bench) -> None:
    doc, targets = two_phases("4303", last="test -e fine"), local_nodes(1)
    assert (await bench.run(doc, targets)).state is State.FAILED
    root = bench.space("4303").root
    assert (await bench.run(doc, targets)).state is State.FAILED
    assert marks(bench, "4303") == {"a/o_1/n1": 1, "a/e_1/n1": 2}
    (root / "fine").touch()
    (root / "status" / "a" / "127.0.0.1-7001-5001.json").unlink()
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    assert marks(bench, "4303")["a/o_1/n1"] == 2


async def test_a_file_that_was_never_written_is_no_reset(bench: Bench) -> None:
    """A kill between the journal's write and the file's leaves the journal without a note of the file."""
    doc, targets = two_phases("4304"), local_nodes(1)
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    space = bench.space("4304")
    journal = Journal(space.journal)
    await journal.open()
    await journal._write(("DELETE FROM published WHERE phase = ?", ("a",)))
    await journal.close()
    shutil.rmtree(space.root / "status")
    assert (await bench.run(doc, targets)).state is State.SUCCEEDED
    assert marks(bench, "4304") == {"a/o_1/n1": 1, "a/e_1/n1": 1, "b/o_1/n1": 2, "b/e_1/n1": 2}
    assert len(list((space.root / "status").rglob("*.json"))) == 2

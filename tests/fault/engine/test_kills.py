"""The engine is killed with SIGKILL at every journal write and at any time: nothing is lost, nothing repeated."""

import contextlib
import itertools
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.fault.engine.conftest import Maker
from tests.jobs import Document, document, group, operation, phase, ssh_nodes
from tests.machine import marked, nap, until
from tests.sshd import Sshd

pytestmark = pytest.mark.kills_engines


class Doomed:
    """A job that is started again and again; each operation leaves a mark when it has done its work."""

    def __init__(self, maker: Maker, folder: Path, job: Document, targets: list[Document]) -> None:
        self.marks = folder / "marks"
        self.marks.touch()
        self.data = folder / "data"
        self._maker = maker
        self._params = folder / "params.json"
        self._nodes = folder / "nodes.json"
        self._said = folder / "said"
        self._params.write_text(json.dumps(job), "utf-8")
        self._nodes.write_text("\n".join(map(json.dumps, targets)), "utf-8")

    def start(self, point: int = 0, when: str = "before") -> int:
        """Start an engine; returns the number of its process."""
        return self._maker.start(str(self._params), str(self._nodes), str(self.data), point, when, str(self._said))

    def wait(self) -> int:
        """Return the exit code of the engine, -9 when it was killed."""
        code = self._maker.wait()
        assert code in {0, -9}, self._said.read_text("utf-8")
        return code

    def run(self, point: int = 0, when: str = "before") -> int:
        """Run once; returns the exit code."""
        self.start(point, when)
        return self.wait()

    def counts(self) -> Counter[str]:
        return Counter(self.marks.read_text("utf-8").split())


def serial_job(job_id: str, marks: Path) -> Document:
    """Return a job that never does two things at once, so that no operation runs while the journal is written."""
    say = f'printf \'{{"v": "out"}}\' > "$OUTPUT_PATH"; echo "$OPERATION_ID@$NODE_NAME" >> {marks}'
    use = f'[ "$1" = out ] || exit 9; echo "$OPERATION_ID@$NODE_NAME" >> {marks}'
    value = [{"type": "text", "value": "${a.say_1.v}"}]
    return document(
        job_id,
        group(0, phase("a", operation("say", say, "runner", output={"v": {}}))),
        group(
            1,
            phase("b", operation("far", use, arg=value), operation("near", use, "runner_target", arg=value)),
            roundCount=0,
        ),
    )


EXPECTED = Counter({"say_1@": 1, "far_1@web-1": 1, "near_1@web-1": 1, "far_1@web-2": 1, "near_1@web-2": 1})


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_each_journal_write_loses_and_repeats_nothing(
    tmp_path: Path, maker: Maker, sshd: Sshd, when: str
) -> None:
    for point in itertools.count(1):
        folder = tmp_path / f"{when}-{point}"
        folder.mkdir()
        doomed = Doomed(maker, folder, serial_job(f"3{point:03}{when}", folder / "marks"), ssh_nodes(sshd, 2))
        killed = doomed.run(point, when) == -9
        assert doomed.run() == 0
        assert doomed.counts() == EXPECTED, f"killed {when} write {point}"
        if not killed:
            assert point > 10
            return


def test_a_kill_at_every_write_of_every_run_still_ends(tmp_path: Path, maker: Maker, sshd: Sshd) -> None:
    """Each run is killed after its eighth write: the job creeps to its end and nothing happens twice."""
    doomed = Doomed(maker, tmp_path, serial_job("3999", tmp_path / "marks"), ssh_nodes(sshd, 2))
    for _ in range(40):
        if doomed.run(8, "after") == 0:
            break
    else:
        pytest.fail("the job never ended")
    assert doomed.counts() == EXPECTED


@pytest.mark.parametrize("seed", range(3))
async def test_kills_at_any_time_leave_nothing_running_and_repeat_nothing_recorded(
    tmp_path: Path, maker: Maker, sshd: Sshd, seed: int
) -> None:
    marks = tmp_path / "marks"
    command = nap()
    script = f'sleep 0.3; {command} & sleep 0.2; kill $!; echo "$NODE_NAME" >> {marks}'
    job = document(f"38{seed}", group(0, phase("p", operation("work", script)), roundCount=2))
    doomed = Doomed(maker, tmp_path, job, ssh_nodes(sshd, 4))
    chance = random.Random(seed)
    for _ in range(3):
        process = doomed.start()
        time.sleep(chance.uniform(0.4, 1.5))
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        doomed.wait()
        recorded = _succeeded(doomed.data)
        before = doomed.counts()
        await until(lambda: not marked(command.split()[1]))
        assert all(before[name] == 1 for name in recorded)
    assert doomed.run() == 0
    after = doomed.counts()
    assert set(after) == {"web-1", "web-2", "web-3", "web-4"}
    assert all(after[name] == 1 for name in recorded)


def _succeeded(data: Path) -> set[str]:
    """Return the nodes whose status files, written after the journal, say that they succeeded."""
    found = set()
    for path in data.rglob("status/p/*.json"):
        if json.loads(path.read_text("utf-8"))["status"] == "succeed":
            found.add(f"web-{int(path.stem.rsplit('-', 1)[1]) - 6000}")
    return found

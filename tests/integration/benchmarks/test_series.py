"""A whole small run with stand-in contenders on real servers."""

from pathlib import Path

import pytest
from benchmarks import records
from benchmarks.batches import CHALLENGE_CALL, PEER_CALL
from benchmarks.measure import Order
from benchmarks.peers.contract import Peer, Task, UnpreparedError, base_environ
from benchmarks.series import Plan, Series
from benchmarks.startup import LOCAL_JOB


class Contender:
    """Logs in to every node with ssh, or does what its words say."""

    most_hosts: int | None = None

    def __init__(
        self, name: str, script: str = "", most_hosts: int | None = None, reason: str = "", limit: float = 60.0
    ) -> None:
        self.name = self.about = name
        self._limit = limit
        self.most_hosts = most_hosts
        self._script = script
        self._reason = reason

    def prepare(self) -> None:
        if self._reason:
            raise UnpreparedError(self._reason)

    def order(self, task: Task) -> Order:
        reach = f"ssh -F '{task.targets.ssh_config}' $host true && echo ok"
        script = self._script or f"for host in {' '.join(task.hosts)}; do {reach}; done"
        return Order(("/bin/sh", "-c", script), base_environ(task), str(task.folder), self._limit)

    def succeeded(self, _task: Task, order: Order) -> int:
        return order.stdout.read_text().count("ok")


@pytest.mark.parametrize(
    ("contender", "status", "reason"),
    [
        (Contender("good"), "ok", ""),
        (Contender("half", "echo ok; echo broken >&2"), "failed", "nodes right, exit code 0: broken"),
        (Contender("slow", "sleep 600", limit=1.0), "failed", "not finished after 1 s"),
        (Contender("dear", most_hosts=1), "skipped", "--full runs it"),
        (Contender("absent", reason="no compiler"), "failed", "no compiler"),
    ],
)
def test_every_contender_gets_a_record(contender: Contender, status: str, reason: str, tmp_path: Path) -> None:
    plan = Plan(nodes=(3,), scenarios=("w1",), runs=2, concurrency=5, limit=60.0, full=False)
    peers: dict[str, Peer] = {contender.name: contender}
    series = Series(plan, peers, tmp_path)
    series.on_nodes()
    assert [record.status for record in series.finished] == [status, status]
    assert reason in series.finished[0].reason
    assert records.read(series.raw) == tuple(series.finished)


def test_a_missing_command_is_a_failed_start(tmp_path: Path) -> None:
    plan = Plan(nodes=(1,), scenarios=("startup",), runs=1, concurrency=1, limit=60.0, full=False)
    series = Series(plan, {}, tmp_path)
    series.on_startup(tmp_path / "pilothouse")
    found = {record.peer: record.status for record in series.finished}
    assert found == {
        "python -c pass": "ok",
        "pilothouse --help": "failed",
        "autoexec --help": "failed",
        "planta_headless.py --version": "failed",
        LOCAL_JOB: "failed",
        PEER_CALL: "failed",
        CHALLENGE_CALL: "failed",
    }

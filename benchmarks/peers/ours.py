"""Ourselves: ``pilothouse job run`` from the repository's own environment, with a fresh data folder each time."""

import json
from pathlib import Path
from typing import Any

from benchmarks.measure import Order
from benchmarks.peers.contract import Task, UnpreparedError, base_environ
from benchmarks.places import OURS
from benchmarks.scenarios import MARK


def document(script: str, operations: int = 1, kind: str = "target") -> dict[str, Any]:
    """Return a job of one phase whose operations are the script, on the targets or (``runner``) here."""
    steps: list[dict[str, Any]] = [
        {
            "opId": f"bench_{number}",
            "opName": "bench",
            "opType": kind,
            "isScript": 1,
            "interpreter": "sh",
            "scriptContent": script,
            "opt": {},
            "desc": {},
            "output": None,
            "failIgnore": 0,
        }
        for number in range(1, operations + 1)
    ]
    phase = {"phaseName": "bench", "phaseType": kind, "operations": steps}
    group = {"groupNo": 0, "execStrategy": "oneShot", "phases": [phase]}
    return {"jobId": 1, "roundCount": 1, "opt": {}, "runFlow": [group]}


def node_lines(hosts: tuple[str, ...], port: int, user: str) -> str:
    """Return the node file: one object a line."""
    nodes = (
        {"resourceId": number, "host": host, "protocol": "ssh", "protocolPort": port, "username": user}
        for number, host in enumerate(hosts, 1)
    )
    return "".join(json.dumps(node) + "\n" for node in nodes)


def kept(data: Path, host: str, lines: int) -> bool:
    """Tell whether the job's files call the host a success, and hold its lines."""
    states = list(data.glob(f"job/**/status/bench/{host}-*.json"))
    if not states or any(json.loads(state.read_bytes()).get("status") != "succeed" for state in states):
        return False
    logs = list(data.glob(f"job/**/log/bench/{host}-*.txt"))
    return sum(log.read_text().count(MARK) for log in logs) == lines


class Ours:
    """The product, live logs and durable status included; ``program`` is the command."""

    most_hosts: int | None = None

    def __init__(self, program: Path = OURS, path: str = "auto") -> None:
        self._program = program
        self._path = path
        self.name = "pilothouse" if path == "auto" else f"pilothouse-{path}"
        self.about = f"this repository, live logs and durable status on, ssh_path = {path}"

    def prepare(self) -> None:
        """Only look whether the command is there."""
        if not self._program.exists():
            raise UnpreparedError(f"{self._program.name} is not installed; run: make bench")

    def order(self, task: Task) -> Order:
        """Write job document and node file, and run the job."""
        targets = task.targets
        script = targets.script.read_text() if task.scenario.uploads else f"{task.scenario.command}\n"
        task.file("params.json", json.dumps(document(script, task.scenario.operations)))
        task.file("nodes.json", node_lines(task.hosts, targets.port, targets.user))
        environ = base_environ(task) | {
            "PILOTHOUSE_HOST_KEYS": "accept-any",
            "PILOTHOUSE_IDENTITIES": str(targets.key),
            "PILOTHOUSE_CONCURRENCY": str(task.concurrency),
            "PILOTHOUSE_SSH_PATH": self._path,
        }
        argv = (str(self._program), "job", "run", "params.json", "--nodes", "nodes.json", "--data", "data")
        return Order(argv, environ, str(task.folder), task.limit)

    def succeeded(self, task: Task, _order: Order) -> int:
        """Count the hosts whose status and log files are right."""
        data = task.folder / "data"
        return sum(kept(data, host, task.scenario.lines) for host in task.hosts)

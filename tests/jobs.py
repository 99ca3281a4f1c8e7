"""Job documents and node files for tests, as short as they can be said, and a way to run them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.sshd import Sshd

from pilothouse.engine.assembly import file_watchers
from pilothouse.engine.control import Control
from pilothouse.engine.events import Event, Observer
from pilothouse.engine.request import JobResult, Request
from pilothouse.engine.runner import run_job
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs import decoding, nodes
from pilothouse.jobs.nodes import NodeFile
from pilothouse.jobs.plan import Selection
from pilothouse.settings import Settings
from pilothouse.transports.contract import Transport
from pilothouse.transports.local import LocalTransport
from pilothouse.transports.ssh import SshTransport

Document = dict[str, Any]
T = TypeVar("T", bound=Event)


def operation(name: str, script: str, kind: str = "target", **fields: Any) -> Document:
    """Return an operation with an inline sh script; its id is ``<name>_1``."""
    return {
        "opId": f"{name}_1",
        "opName": name,
        "opType": kind,
        "isScript": 1,
        "interpreter": "sh",
        "scriptContent": script,
        "opt": {},
        "desc": {},
        "output": None,
        "failIgnore": 0,
        **fields,
    }


def tool(name: str, kind: str, **fields: Any) -> Document:
    """Return an operation that is a built-in tool."""
    return {"opId": f"{name}_1", "opName": name, "opType": kind, "isScript": 0, "opt": {}, "output": {}, **fields}


def phase(name: str, *operations: Document, **fields: Any) -> Document:
    """Return a phase."""
    return {"phaseName": name, "operations": list(operations), **fields}


def group(number: int, *phases: Document, **fields: Any) -> Document:
    """Return a one-shot group, all nodes at once unless ``fields`` say otherwise."""
    return {"groupNo": number, "execStrategy": "oneShot", "roundCount": 1, "phases": list(phases), **fields}


def document(job_id: str, *groups: Document, **fields: Any) -> Document:
    """Return a job document."""
    return {"jobId": job_id, "opt": {}, "runFlow": list(groups), **fields}


def local_nodes(count: int) -> list[Document]:
    """Return targets that are this machine itself, reached without SSH."""
    return [
        {"resourceId": 5000 + i, "host": "127.0.0.1", "port": 7000 + i, "nodeName": f"n{i}", "protocol": "local"}
        for i in range(1, count + 1)
    ]


def ssh_nodes(sshd: Sshd, count: int) -> list[Document]:
    """Return targets behind a real sshd."""
    reach = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port, "username": sshd.user}
    return [{"resourceId": 6000 + i, "port": 8000 + i, "nodeName": f"web-{i}", **reach} for i in range(1, count + 1)]


def ssh_keys(sshd: Sshd, count: int) -> list[str]:
    """Return the file names of these targets."""
    return [f"{node['host']}-{node['port']}-{node['resourceId']}" for node in ssh_nodes(sshd, count)]


class Recorder(Observer):
    """Keeps every event."""

    pace = 0.0

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def observe(self, events: Sequence[Event]) -> None:
        self.events += events

    async def close(self) -> None:
        pass

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


class Bench:
    """A data folder and settings to run jobs with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.recorder = Recorder()

    def space(self, job_id: str) -> Workspace:
        return workspace(self.settings.data, job_id)

    def request(self, doc: Document, targets: list[Document] | None = None, **fields: Any) -> Request:
        job = decoding.decode(json.dumps(doc), "params.json")
        found = nodes.decode("\n".join(map(json.dumps, targets)), "nodes.json") if targets else NodeFile(())
        return Request(job=job, nodes=found, source="params.json", **fields)

    async def run(
        self,
        doc: Document,
        targets: list[Document] | None = None,
        *,
        control: Control | None = None,
        transports: dict[str, Transport] | None = None,
        selection: Selection | None = None,
        **fields: Any,
    ) -> JobResult:
        """Run a job with all documented files; its events are in a fresh ``recorder``."""
        self.recorder = Recorder()
        request = self.request(doc, targets, selection=selection or Selection(), **fields)
        space = self.space(request.job.id)
        ways = transports or {"local": LocalTransport(), "ssh": SshTransport(self.settings)}
        result = await run_job(
            request,
            space,
            self.settings,
            transports=ways,
            observers=[*file_watchers(request, space), self.recorder],
            control=control,
        )
        assert result.trouble == ()
        return result

    def log(self, job_id: str, phase_name: str, key: str) -> str:
        return (self.space(job_id).root / "log" / phase_name / f"{key}.txt").read_text("utf-8")

    def json(self, job_id: str, *parts: str) -> Any:
        return json.loads(self.space(job_id).root.joinpath(*parts).read_text("utf-8"))

    def files(self, job_id: str) -> list[Path]:
        return [path for path in self.space(job_id).root.rglob("*") if path.is_file()]

"""Whole jobs under a control server, as short as they can be said."""

import signal
from typing import Any

from tests.console import Console, node_list
from tests.jobs import Document

from pilothouse.engine.request import JobResult
from pilothouse.engine.server.production import Order, run_under_server
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs.plan import Selection
from pilothouse.settings import Settings


class ServerBench:
    """A data folder, settings, and a control server that knows the jobs."""

    def __init__(self, console: Console, settings: Settings) -> None:
        self.console = console
        self.settings = settings
        self.unsent = 0
        self.said = ""

    def give(self, doc: Document, targets: list[Document] | None = None, **header: Any) -> None:
        """Let the server know a job and its nodes."""
        self.console.params[str(doc["jobId"])] = {"roundCount": 1, **doc}
        if targets is not None:
            self.console.nodes["job"] = node_list([{"runnerId": 1, **node} for node in targets], **header)

    def space(self, job_id: str) -> Workspace:
        return workspace(self.settings.data, job_id)

    async def run(self, job_id: str, *, limits: dict[str, float] | None = None, **order: Any) -> JobResult:
        """Run a job as ``autoexec`` does."""
        wanted = {"selection": Selection(), "first": True, "fresh": True, "pass_through": {"runnerId": 1}, **order}
        said: list[str] = []
        try:
            result, self.unsent = await run_under_server(
                Order(**wanted),
                self.console.server(**(limits or {})),
                self.space(job_id),
                self.settings,
                echo=said.append,
            )
        finally:
            # an engine is deaf to it at its end; the processes of later tests must not inherit that
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.said = "".join(said)
        assert result.trouble == ()
        return result

    def log(self, job_id: str, phase_name: str, key: str) -> str:
        return (self.space(job_id).root / "log" / phase_name / f"{key}.txt").read_text("utf-8")

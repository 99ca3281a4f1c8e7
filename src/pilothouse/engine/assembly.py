"""Puts an engine together from the adapters of this machine: transports, documented files, displays."""

from collections.abc import Callable, Sequence
from typing import Final

from pilothouse.engine.control import Control
from pilothouse.engine.events import Observer
from pilothouse.engine.link import ServerLink
from pilothouse.engine.request import JobResult, Request
from pilothouse.engine.runner import run_job
from pilothouse.engine.watchers.console import ConsoleLog
from pilothouse.engine.watchers.files import FileWatcher
from pilothouse.engine.watchers.inputs import InputFiles
from pilothouse.engine.watchers.logs import LogFiles
from pilothouse.engine.watchers.status import StatusFiles
from pilothouse.engine.workspace import Workspace
from pilothouse.settings import Settings
from pilothouse.transports.contract import Transport

PROTOCOLS: Final = frozenset({"local", "ssh", "tagent"})
"""The protocols by which nodes can be reached from here."""


async def run_here(
    request: Request,
    space: Workspace,
    settings: Settings,
    *,
    displays: Sequence[Observer] = (),
    echo: Callable[[str], object] | None = None,
    link: ServerLink | None = None,
    control: Control | None = None,
) -> JobResult:
    """Run a job on this machine with all documented files, TERM/INT/HUP aborting and USR1 pausing it.

    Without a ``link`` to a server the job stands alone. ``echo`` gets the console log's text as it is written.
    Raises what `run_job` raises.
    """
    control = control or Control()
    control.listen()
    try:
        return await run_job(
            request,
            space,
            settings,
            transports=_transports(request, settings),
            observers=[*file_watchers(request, space, echo), *displays],
            control=control,
            link=link,
        )
    finally:
        control.deafen()


def file_watchers(request: Request, space: Workspace, echo: Callable[[str], object] | None = None) -> list[FileWatcher]:
    """Return the observers that write the documented files."""
    status = StatusFiles(space, nodes=len(request.all_nodes))
    return [status, LogFiles(space, request.user), ConsoleLog(space, echo), InputFiles(space)]


def _transports(request: Request, settings: Settings) -> dict[str, Transport]:
    """Return the transports that the job's nodes need; the SSH library is loaded only for SSH nodes."""
    from pilothouse.transports.local import LocalTransport  # noqa: PLC0415 - start-up time

    found: dict[str, Transport] = {"local": LocalTransport()}
    if any(node.protocol == "ssh" for node in request.all_nodes):
        from pilothouse.transports.ssh import SshTransport  # noqa: PLC0415 - start-up time

        found["ssh"] = SshTransport(settings)
    if any(node.protocol == "tagent" for node in request.all_nodes):
        from pilothouse.transports.tagent import TagentTransport  # noqa: PLC0415 - start-up time

        found["tagent"] = TagentTransport(settings)
    return found

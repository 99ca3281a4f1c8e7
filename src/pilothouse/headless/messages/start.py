"""Starting jobs (spec section 9.3)."""

from typing import Annotated

import msgspec

from pilothouse.headless import limits
from pilothouse.headless.messages.part import Events, Label, OnError, Part, SessionState, Wait


class Param(Part, frozen=True):
    """One input of a module."""

    name: str
    text: Annotated[str, msgspec.Meta(max_length=limits.PARAMETER_VALUE)] = ""


class Module(Part, frozen=True):
    """Open a module, that is a published job definition."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    params: Annotated[tuple[Param, ...], msgspec.Meta(max_length=limits.PARAMETERS)] = ()


class PyFile(Part, frozen=True):
    """Run a Python file of the server."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.FILE_PATH)]


class PyCode(Part, frozen=True):
    """Run a snippet."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.SNIPPET)]


Job = Module | PyFile | PyCode


class Start(Part, frozen=True):
    """c: run these jobs in order; ``request`` makes a repeated start harmless, ``wait`` is none, -1 or seconds."""

    request: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    jobs: Annotated[tuple[Job, ...], msgspec.Meta(min_length=1, max_length=limits.JOBS_PER_START)]
    wait: Wait = "none"
    events: Events = "end"
    on_error: OnError = "stop"
    label: Label = ""


class Accepted(Part, frozen=True):
    """s: the session is recorded; ``replay`` when this request was accepted before, ``joined`` when it was running."""

    session: str
    state: SessionState
    created: str
    job_count: int
    replay: bool = False
    joined: bool = False

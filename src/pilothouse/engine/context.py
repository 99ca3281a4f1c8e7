"""What the tasks of one run share."""

import msgspec

from pilothouse.clock import Clock
from pilothouse.engine.barrier import RoundBarrier
from pilothouse.engine.connections import Connections
from pilothouse.engine.control import Control
from pilothouse.engine.environment import JobFacts
from pilothouse.engine.events import EventStream
from pilothouse.engine.journal import Journal
from pilothouse.engine.link import ServerLink
from pilothouse.engine.outputs import OutputStore
from pilothouse.engine.program import Programs
from pilothouse.engine.publications import Publications
from pilothouse.engine.questions import Questions
from pilothouse.engine.variables import Variables
from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.arguments import Opener
from pilothouse.jobs.document import Job
from pilothouse.jobs.nodes import Node
from pilothouse.settings import Settings


class Context(msgspec.Struct, kw_only=True):
    """The collaborators of a run, put together once by the runner; ``secrets`` are to be masked on every node.

    ``nodes`` are the nodes of each phase by resourceId; a node may be reached as another user in another phase.
    """

    job: Job
    nodes: dict[str, dict[int, Node]]
    facts: JobFacts
    environment: dict[str, str]
    programs: Programs
    space: Workspace
    settings: Settings
    clock: Clock
    journal: Journal
    outputs: OutputStore
    variables: Variables
    stream: EventStream
    control: Control
    connections: Connections
    link: ServerLink
    publications: Publications
    questions: Questions
    barrier: RoundBarrier
    opener: Opener
    secrets: list[str]
    force: bool
    mark: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a job something happens; ``index`` is the phase's place in its group, from 1."""

    group: int
    phase: str
    index: int
    node: Node
    rerun: bool = False

"""What an engine is asked to run, and what came of it."""

from pathlib import Path

import msgspec

from pilothouse.engine.events import PhaseEnded
from pilothouse.errors import DocumentError, Problem, UsageError
from pilothouse.jobs import decoding, nodes
from pilothouse.jobs.document import Job
from pilothouse.jobs.nodes import Node, NodeFile
from pilothouse.jobs.plan import NodeSets, Selection
from pilothouse.jobs.states import State, Tally


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A job and how to run it.

    ``scoped`` are the nodes when groups or phases have nodes of their own, else ``nodes`` serves them all.
    ``beside`` is the job document's folder, where scripts are looked for. ``sql_files`` is the JSON list of the
    files that sqlfile operations are to run, empty for all of theirs (spec section 6.8). ``record`` is what the
    command wants to find in the journal (under the fact ``request``) to ask for the job again.
    """

    job: Job
    nodes: NodeFile
    source: str
    selection: Selection = Selection()
    user: str = "anonymous"
    force: bool = False
    fresh: bool = True
    dev_mode: bool = False
    pass_through: str = "{}"  # noqa: S105 - the documented pass-through environment, no password
    home: str = ""
    beside: Path | None = None
    sql_files: str = ""
    scoped: NodeSets | None = None
    record: str = ""

    @property
    def node_sets(self) -> NodeSets:
        """The nodes of the job, its groups and its phases."""
        return self.scoped or NodeSets(job=self.nodes)

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        """Every node of any phase; one that stands in several files counts once for each."""
        return tuple(node for file in self.node_sets.files for node in file.nodes)


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a run of a job ended; ``trouble`` are faults of the engine's own files that stopped nothing."""

    job_id: str
    state: State
    tally: Tally
    seconds: float
    folder: Path
    phases: tuple[PhaseEnded, ...] = ()
    trouble: tuple[str, ...] = ()


def read_job(params: Path, nodes_file: Path | None, *, job_id: str | None = None) -> tuple[Job, NodeFile]:
    """Read a job document and its nodes: from ``nodes_file``, else from the document's ``runNode``.

    A ``job_id`` given outside wins over the document's. Raises UsageError for files that cannot be read and
    DocumentError for what they say.
    """
    job = decoding.decode(read_text(params), str(params))
    if job_id is not None:
        job = msgspec.structs.replace(job, id=job_id)
    if nodes_file is not None:
        return job, nodes.decode(read_text(nodes_file), str(nodes_file))
    found = NodeFile(job.nodes or ())
    if job.needs_nodes and not found.nodes:
        allowed = "a list of nodes here, or a node file (--nodes, --nodesfile)"
        raise DocumentError(str(params), [Problem("$.runNode", "no node for the phases on targets", allowed)])
    return job, found


def read_text(path: Path) -> str:
    """Return a document's text. Raises UsageError naming the file."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DocumentError(str(path), [Problem(f"byte {error.start}", "no UTF-8", "UTF-8 text")]) from None

"""The run folder of a job, in the documented layout (spec section 5.3)."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.errors import JobBusyError, UsageError
from pilothouse.files import confine
from pilothouse.jobs.decoding import is_job_id
from pilothouse.jobs.nodes import Node

_FOLDERS: Final = ("file", "input", "livedata", "log", "output", "output-op", "script", "status")
_CHUNK: Final = 3
_JOURNAL: Final = "journal.db"
_ATTEMPTS: Final = 40
_MOMENT: Final = 0.005


class Workspace(msgspec.Struct, frozen=True):
    """Where everything of one job lies. ``root`` is ``<data>/job/<id in chunks of three>``."""

    job_id: str
    root: Path

    @property
    def journal(self) -> Path:
        """The SQLite journal, which is the truth behind all other files."""
        return self.root / _JOURNAL

    @property
    def lock(self) -> Path:
        """The file whose lock the running engine holds; it contains that engine's pid."""
        return self.root / "engine.lock"

    @property
    def params(self) -> Path:
        """The job document of this job."""
        return self.root / "params.json"

    @property
    def nodes(self) -> Path:
        """The node file of this job; it may hold passwords and is private."""
        return self.root / "nodes.json"

    def group_nodes(self, group: int) -> Path:
        """Return the node file of a group, which goes before the job's."""
        return self._below(f"nodes-gp-{group}.json")

    def phase_nodes(self, phase: str) -> Path:
        """Return the node file of a phase, which goes before its group's and the job's."""
        return self._below(f"nodes-ph-{phase}.json")

    def nodes_of(self, group: int, phase: str) -> Path:
        """Return the node file that a phase takes its nodes from: the narrowest there is."""
        narrow = (self.phase_nodes(phase), self.group_nodes(group))
        return next((path for path in narrow if path.is_file()), self.nodes)

    @property
    def console(self) -> Path:
        """The console log."""
        return self.root / "log" / "console.txt"

    def log(self, phase: str, node: Node) -> Path:
        """Return the log file of a node in a phase."""
        return self._below("log", phase, f"{node.key}.txt")

    def status(self, phase: str, node: Node) -> Path:
        """Return the status file of a node in a phase."""
        return self._below("status", phase, f"{node.key}.json")

    def input(self, node: Node) -> Path:
        """Return the record of what a node's operations were called with."""
        return self._below("input", f"{node.key}.json")

    def output(self, node: Node) -> Path:
        """Return the file of all outputs of a node."""
        return self._below("output", f"{node.key}.json")

    def operation_output(self, node: Node, operation: str) -> Path:
        """Return the file that a runner-side operation writes its outputs to."""
        return self._below("output-op", node.key, f"{operation}.json")

    def livedata(self, phase: str, node: Node, operation: str) -> Path:
        """Return the file for data that a running operation shows."""
        return self._below("livedata", phase, node.key, f"{operation}.json")

    def script(self, name: str) -> Path:
        """Return the place of a script's file."""
        return self._below("script", name)

    def private(self, phase: str, node: Node) -> Path:
        """Return the folder in which operations on the runner keep their exit codes until recorded."""
        return self._below(".run", f"{phase}@{node.key}")

    def create(self) -> None:
        """Make the folders; raises UsageError when the disk refuses."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for name in _FOLDERS:
                (self.root / name).mkdir(exist_ok=True)
            (self.root / ".run").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"the run folder {self.root} cannot be made: {error.strerror}; "
                "set another data folder with --data or PILOTHOUSE_DATA"
            ) from None

    def _below(self, *parts: str) -> Path:
        return confine(self.root, *parts)


def workspace(data: Path, job_id: str) -> Workspace:
    """Return the workspace of a job below the ``data`` folder; raises UsageError for an id that cannot name one."""
    if not is_job_id(job_id):
        raise UsageError(f"job id {job_id!r} cannot be used; allowed: letters, digits, - and _")
    chunks = [job_id[i : i + _CHUNK] for i in range(0, len(job_id), _CHUNK)]
    return Workspace(job_id, data.absolute().joinpath("job", *chunks))


def workspaces(data: Path) -> Iterator[Workspace]:
    """Yield every job that has run below ``data``, in no particular order."""
    base = data.absolute() / "job"
    for folder, names, files in os.walk(base):
        if _JOURNAL in files:
            yield Workspace("".join(Path(folder).relative_to(base).parts), Path(folder))
        names[:] = [name for name in names if len(name) <= _CHUNK]


class JobLock:
    """Held by the one engine that may work on a job; the kernel lets go of it when that engine dies."""

    def __init__(self, space: Workspace) -> None:
        self._space = space
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock and write this process's pid into it; raises JobBusyError when another holds it."""
        descriptor = os.open(self._space.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # without a pid it may just be somebody who asks whether an engine runs, which takes no time
                pid = engine_pid(self._space)
                if pid is not None or attempt == _ATTEMPTS - 1:
                    os.close(descriptor)
                    raise JobBusyError(self._space.job_id, pid) from None
                time.sleep(_MOMENT)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def engine_pid(space: Workspace) -> int | None:
    """Return the pid of the engine that works on the job now, or None."""
    try:
        descriptor = os.open(space.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32)
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)

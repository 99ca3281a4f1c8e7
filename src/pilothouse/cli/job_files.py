"""The log files of a job: which nodes have one in which phase, and the histories of earlier runs."""

import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.cli.job_nodes import KnownNodes
from pilothouse.engine.journal_rows import PhaseRow
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, from_legacy

_GRAIN: Final = 1_000_000_000
_HISTORY: Final = re.compile(r"(\d{8}-\d{6})\.(?:(\w+)\.)?(.+)\.txt")


class NodeLogFile(msgspec.Struct, frozen=True):
    """The log of a node in a phase."""

    phase: str
    node: Node
    path: Path


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The log of one run: of a node in a phase, or the console's (``phase`` and ``node`` are empty then)."""

    started: float
    ended: float
    state: str
    user: str
    phase: str
    node: str
    path: str


class LogFolders:
    """The folders of the phases' logs; asked again and again it looks only into folders that changed."""

    def __init__(self, space: Workspace, nodes: Iterable[Node], phase: str | None = None) -> None:
        self._base = space.root / "log"
        self._wanted = {f"{node.key}.txt": node for node in nodes}
        self._phase = phase
        self._seen: dict[str, int] = {}
        self._known: set[tuple[str, str]] = set()

    def new(self, order: Sequence[PhaseRow] = ()) -> list[NodeLogFile]:
        """Return the logs that have appeared since the last call, by phase in the given order, then by node."""
        places = {row.phase: number for number, row in enumerate(order)}
        found: list[NodeLogFile] = []
        for folder in sorted(self._folders(), key=lambda path: (places.get(path.name, len(places)), path.name)):
            stamp = folder.stat().st_mtime_ns
            if self._seen.get(folder.name) == stamp:
                continue
            # within the clock's grain a further file would not change the time again
            if time.time_ns() - stamp > _GRAIN:
                self._seen[folder.name] = stamp
            present = {entry.name for entry in folder.iterdir()}
            for name, node in self._wanted.items():
                if name in present and (folder.name, name) not in self._known:
                    self._known.add((folder.name, name))
                    found.append(NodeLogFile(folder.name, node, folder / name))
        return found

    def _folders(self) -> list[Path]:
        if not self._base.is_dir():
            return []
        return [
            folder
            for folder in self._base.iterdir()
            if folder.is_dir() and folder.suffix != ".hislog" and self._phase in {None, folder.name}
        ]


def check_phase(phase: str | None, rows: Sequence[PhaseRow]) -> None:
    """Raise UsageError for a phase that has not been started in the job."""
    names = [row.phase for row in rows]
    if phase is not None and phase not in names:
        raise UsageError(
            f"no phase {phase!r} has been started in this job; phases so far: {', '.join(names) or 'none'}"
        )


def histories(space: Workspace, logs: Sequence[NodeLogFile], nodes: KnownNodes) -> list[History]:
    """Return the logs of earlier runs, oldest first: those of the nodes, or the console's when there are none."""
    folders = [(log.path, log.phase, nodes.title(log.node.resource_id)) for log in logs]
    found: list[History] = []
    for path, phase, node in folders or [(space.console, "", "")]:
        folder = path.with_suffix(".hislog")
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        found += [entry for item in entries if (entry := _history(item, phase, node))]
    return sorted(found, key=lambda entry: (entry.started, entry.phase))


def _history(path: Path, phase: str, node: str) -> History | None:
    match = _HISTORY.fullmatch(path.name)
    if match is None:
        return None
    when, word, user = match.groups()
    try:
        started = datetime.strptime(when, "%Y%m%d-%H%M%S").astimezone().timestamp()
    except (ValueError, OverflowError):
        return None
    return History(
        started=started,
        ended=path.stat().st_mtime,
        state=_house_word(word) if word else "",
        user=user if word or not phase else "",
        phase=phase,
        node=node,
        path=str(path),
    )


def _house_word(word: str) -> str:
    try:
        return from_legacy(word).value
    except ValueError:
        return State.RUNNING.value if word == "running" else word

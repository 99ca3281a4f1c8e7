"""Node logs: ``log/<phase>/<node>.txt`` and their histories (spec section 5.4)."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from pilothouse.clock import stamp
from pilothouse.engine.events import (
    Event,
    Lines,
    NodeEnded,
    NodeStarted,
    OperationEnded,
    OperationSkipped,
    OperationStarted,
)
from pilothouse.engine.watchers.files import FileWatcher, plain_name, prefixed
from pilothouse.engine.workspace import Workspace
from pilothouse.files import write_all
from pilothouse.jobs.states import State, legacy_word

_Key = tuple[str, int]


class LogFiles(FileWatcher):
    """Writes one log per node and phase; a history entry is a hard link that gets the final state's name."""

    def __init__(self, space: Workspace, user: str) -> None:
        super().__init__()
        self._space = space
        self._user = plain_name(user)
        self._open: dict[_Key, tuple[int, Path]] = {}

    def write(self, events: Sequence[Event]) -> None:
        """Append the batch, one write per node."""
        parts: dict[_Key, list[str]] = {}
        for event in events:
            if isinstance(event, NodeStarted):
                with self.attempt(self._space.log(event.phase, event.node)):
                    self._begin(event)
            lines = log_lines(event)
            if lines:
                assert isinstance(event, _Logged)  # noqa: S101 - only these give lines
                key = (event.phase, event.node.resource_id)
                prefix = stamp(event.at, "%H:%M:%S ")
                parts.setdefault(key, []).extend(prefixed(prefix, lines))
            if isinstance(event, NodeEnded):
                key = (event.phase, event.node.resource_id)
                self._append(key, parts.pop(key, []))
                self._end(key, event.state)
        for key, lines in parts.items():
            self._append(key, lines)

    def finish(self) -> None:
        """Close the logs of nodes that never ended."""
        for key in list(self._open):
            self._end(key, State.ABORTED)

    def _begin(self, event: NodeStarted) -> None:
        path = self._space.log(event.phase, event.node)
        history = path.with_suffix(".hislog") / f"{stamp(event.at, '%Y%m%d-%H%M%S')}.running.{self._user}.txt"
        if not _make_folder(history.parent):
            for stale in history.parent.glob("*.running.*.txt"):
                stale.rename(stale.with_name(stale.name.replace(".running.", ".aborted.")))
        descriptor = _create_anew(path)
        self._open[event.phase, event.node.resource_id] = (descriptor, history)
        try:
            os.link(path, history)
        except FileExistsError:
            history.unlink()
            os.link(path, history)

    def _append(self, key: _Key, lines: list[str]) -> None:
        if lines and key in self._open:
            descriptor, history = self._open[key]
            with self.attempt(history):
                write_all(descriptor, "".join(lines).encode("utf-8", "backslashreplace"))

    def _end(self, key: _Key, state: State) -> None:
        if key in self._open:
            descriptor, history = self._open.pop(key)
            with self.attempt(history):
                os.close(descriptor)
            with self.attempt(history), contextlib.suppress(FileNotFoundError):  # histories may be tidied up meanwhile
                history.rename(history.with_name(history.name.replace(".running.", f".{legacy_word(state)}.")))


def _make_folder(folder: Path) -> bool:
    """Make a folder; says whether it is new."""
    try:
        folder.mkdir()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        return False
    return True


def _create_anew(path: Path) -> int:
    """Open a new file, in place of whatever was there, which its other names keep."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileExistsError:
        path.unlink()
        return os.open(path, flags, 0o666)


_Logged = NodeStarted | OperationStarted | OperationSkipped | Lines | OperationEnded | NodeEnded


def log_lines(event: Event) -> list[str] | tuple[str, ...]:
    """Return what an event adds to its node's log; the markers are those that log viewers look for."""
    match event:
        case Lines():
            return event.lines
        case NodeStarted():
            node = event.node
            way = f"{node.protocol}://{node.username}@{node.host}:{node.protocol_port or ''}"
            return [f"======{node.title} Launched by {way}======"]
        case OperationStarted():
            memo = [f"# {line}" for line in event.help.splitlines()]
            command = [f"INFO: Execute -> {event.command}"] if event.command else []
            return [f"------START--[{event.operation}] {event.kind} execution start...", *memo, *command]
        case OperationSkipped():
            return [f"INFO: Operation {event.operation} has been executed in status:succeed, skip."]
        case OperationEnded():
            took = f"duration: {event.seconds:.2f} second."
            return [_verdict(event), f"------END--[{event.operation}] execution complete, {took}", ""]
        case NodeEnded():
            word = legacy_word(event.state)
            reason = [f"ERROR: {event.reason}"] if event.reason and event.state is State.FAILED else []
            return [
                *reason,
                f"======{event.node.title} Ended in status:{word}, duration: {event.seconds:.2f} second.======",
            ]
    return []


def _verdict(event: OperationEnded) -> str:
    if event.state is State.SUCCEEDED:
        return f"FINE: Execute operation {event.operation} success."
    if event.fail_ignored:
        return f"WARN: Execute operation {event.operation} failed, ignored: {event.reason}"
    return f"ERROR: Execute operation {event.operation} {event.state}: {event.reason}"

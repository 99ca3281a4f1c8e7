"""``pilothouse job logs``: the console log of a job, or the logs of its nodes, now or of earlier runs."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.cli.job_files import History, LogFolders, NodeLogFile, check_phase, histories
from pilothouse.cli.job_follow import sources_of, watch, writer_for
from pilothouse.cli.job_nodes import KnownNodes, known_nodes
from pilothouse.cli.job_standing import existing
from pilothouse.cli.tail import start_of_last, tame
from pilothouse.clock import stamp
from pilothouse.engine.records import Records, records
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import ExitCode, UsageError

_SECOND: Final = "%Y-%m-%d %H:%M:%S"


def logs(chosen: argparse.Namespace) -> int:
    """Print logs; raises UsageError when the job has no such node, phase or log."""
    space = existing(chosen)
    if chosen.fold:
        from pilothouse.cli.job_outputs import fold_logs

        return fold_logs(chosen, space)
    with records(space.journal) as known:
        nodes = known_nodes(space, known.nodes())
        wanted = nodes.find(chosen.nodes)
        if chosen.follow:
            sources = sources_of(space, nodes, wanted, chosen.phase, chosen.tail)
            return watch(space, known, sources, writer_for(nodes, chosen.nodes, as_json=chosen.json))
        found = _found(chosen, space, known, nodes)
        if chosen.history is not None:
            return _history(chosen, histories(space, found, nodes))
        states = {(row.phase, row.resource_id): row.state for row in known.nodes()}
    if chosen.json:
        _print_json(chosen, space, found, nodes)
    elif not (chosen.nodes or chosen.phase):
        _copy(space.console, chosen.tail)
    else:
        for number, log in enumerate(found):
            if len(found) > 1:
                state = states.get((log.phase, log.node.resource_id), "")
                title = nodes.title(log.node.resource_id)
                print(f"{chr(10) if number else ''}==> {log.phase} {title} ({log.node.key}): {state}", flush=True)
            _copy(log.path, chosen.tail)
    return ExitCode.SUCCESS


def _found(chosen: argparse.Namespace, space: Workspace, known: Records, nodes: KnownNodes) -> list[NodeLogFile]:
    """Return the logs that the arguments mean; none for the console's."""
    phases = known.phases()
    check_phase(chosen.phase, phases)
    if not chosen.nodes and chosen.phase is None:
        return []
    wanted = nodes.find(chosen.nodes) or nodes.by_id.values()
    found = LogFolders(space, wanted, chosen.phase).new(phases)
    if not found:
        named = ", ".join(chosen.nodes) or f"phase {chosen.phase}"
        raise UsageError(f"there is no log of {named} yet: it has not been started, or its logs were purged")
    return found


def _history(chosen: argparse.Namespace, entries: list[History]) -> int:
    """Print the list of earlier logs, or the chosen one: 1 is the oldest, -1 the latest."""
    number = chosen.history
    if not number:
        if chosen.json:
            _json(entries)
        else:
            print("\n".join(_table(entries)) or "no histories yet")
        return ExitCode.SUCCESS
    if not 0 < abs(number) <= len(entries):
        raise UsageError(f"there is no history {number}; see the list: --history alone shows {len(entries)} of them")
    entry = entries[number - 1 if number > 0 else number]
    if chosen.json:
        _json({**msgspec.to_builtins(entry), "lines": _lines(Path(entry.path), chosen.tail)})
    else:
        _copy(Path(entry.path), chosen.tail)
    return ExitCode.SUCCESS


def _table(entries: Sequence[History]) -> list[str]:
    rows = [
        (
            str(number),
            stamp(entry.started, _SECOND),
            stamp(entry.ended, _SECOND)[11:],
            entry.state,
            entry.user,
            entry.phase,
            entry.node,
        )
        for number, entry in enumerate(entries, 1)
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(7)]
    return ["  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _print_json(chosen: argparse.Namespace, space: Workspace, found: list[NodeLogFile], nodes: KnownNodes) -> None:
    """Print the logs as a list of objects with their lines; the console's has no node."""
    if not found:
        _json([{"log": "console", "path": str(space.console), "lines": _lines(space.console, chosen.tail)}])
        return
    _json(
        [
            {
                "log": "node",
                "phase": log.phase,
                "node": log.node.key,
                "resourceId": log.node.resource_id,
                "name": nodes.title(log.node.resource_id),
                "path": str(log.path),
                "lines": _lines(log.path, chosen.tail),
            }
            for log in found
        ]
    )


def _lines(path: Path, last: int | None) -> list[str]:
    return read_log(path, last).decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")


def read_log(path: Path, last: int | None = None) -> bytes:
    """Return a log, or its last lines. Raises UsageError when it is not there."""
    try:
        with path.open("rb") as stream:
            stream.seek(0 if last is None else start_of_last(stream, last))
            return stream.read()
    except OSError as error:
        raise _missing(path, error) from None


def _copy(path: Path, last: int | None) -> None:
    try:
        with path.open("rb") as stream:
            stream.seek(0 if last is None else start_of_last(stream, last))
            if sys.stdout.isatty():
                sys.stdout.buffer.writelines(tame(line) + b"\n" for line in stream)
            else:
                shutil.copyfileobj(stream, sys.stdout.buffer)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _missing(path, error) from None
    sys.stdout.buffer.flush()


def _missing(path: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        return UsageError(f"there is no log at {path}; the node has not started yet, or its logs were purged")
    return UsageError(f"{path}: cannot be read: {error.strerror}")


def _json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")

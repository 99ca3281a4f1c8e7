"""``pilothouse job follow``: watch a job from another terminal until it is over."""

import argparse
import contextlib
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from pilothouse.cli.display.paper import coloured, paint
from pilothouse.cli.job_files import LogFolders, NodeLogFile
from pilothouse.cli.job_nodes import KnownNodes, known_nodes
from pilothouse.cli.job_standing import existing, exit_code, moment
from pilothouse.cli.tail import Tail, tame
from pilothouse.engine.records import Records, records
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import ExitCode
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import FINISHED, State

_PAUSE: Final = 0.2
_GRAIN: Final = 0.05  # files are stamped by a coarser clock
_TOLD: Final = frozenset({*FINISHED, State.FAILED, State.ABORTED})


def follow(chosen: argparse.Namespace) -> int:
    """Show the console log, or the logs of nodes, as they grow; returns the job's exit code at its end."""
    space = existing(chosen)
    with records(space.journal) as known:
        nodes = known_nodes(space, known.nodes())
        sources = sources_of(space, nodes, nodes.find(chosen.nodes), chosen.phase)
        return watch(space, known, sources, writer_for(nodes, chosen.nodes, as_json=chosen.json))


class Source(msgspec.Struct, frozen=True):
    """A log being followed; the console's has no node."""

    tail: Tail
    log: NodeLogFile | None = None


class Sources:
    """The logs to follow; those of nodes appear as the job goes on.

    What an earlier run left in a node's log is passed over: the log begins when this run takes the node up.
    """

    def __init__(self, console: Path | None, folders: LogFolders | None, last: int | None) -> None:
        self._folders = folders
        self._last = last
        self._began: float | None = None
        self._all: list[Source] = []
        if console is not None:
            self._add(Source(Tail(console)))

    def look(self, known: Records) -> list[Source]:
        """Return all logs that are there by now."""
        if self._began is None:
            self._began = max((run.started for run in known.runs()), default=0.0) - _GRAIN
        for log in self._folders.new(known.phases()) if self._folders else ():
            self._add(Source(Tail(log.path), log), stale=log.path.stat().st_mtime < self._began)
        # only what is there at the beginning is cut to its last lines
        self._last = None
        return self._all

    def close(self) -> None:
        """Let go of the files."""
        for source in self._all:
            source.tail.close()

    def _add(self, source: Source, *, stale: bool = False) -> None:
        if stale or self._last is not None:
            source.tail.skip(0 if stale else self._last or 0)
        self._all.append(source)


class Writer(Protocol):
    """Where lines go."""

    def lines(self, log: NodeLogFile | None, lines: Iterator[bytes]) -> None:
        """Write the lines of one log."""
        ...

    def end(self, job_id: str, run: int, state: str, code: int) -> None:
        """Say how the job stands at the end."""
        ...


class PlainWriter:
    """Lines as they are: one node's below headings of its phases, those of several behind their names."""

    def __init__(self, nodes: KnownNodes, *, named: bool, heads: bool) -> None:
        self._nodes = nodes
        self._named = named
        self._heads = heads
        self._latest: NodeLogFile | None = None
        self._silent = True
        self._colours = coloured(sys.stdout)
        self._terminal = sys.stdout.isatty()

    def lines(self, log: NodeLogFile | None, lines: Iterator[bytes]) -> None:
        """Write the lines of one log."""
        out = sys.stdout.buffer
        prefix = self._prefix(log) if log and self._named else b""
        for line in lines:
            self._silent = False
            if log is not None and self._heads and log is not self._latest:
                out.write(f"==> {log.phase} {self._nodes.title(log.node.resource_id)}\n".encode())
                self._latest = log
            out.write(prefix + (tame(line) if self._terminal else line) + b"\n")
        out.flush()

    def end(self, job_id: str, run: int, state: str, code: int) -> None:
        """Say on standard error what the console log does not."""
        if self._heads or self._named or state not in _TOLD:
            hint = "" if state in _TOLD else f"; to go on: pilothouse job retry {job_id}"
            print(f"job {job_id}: {state}{hint}", file=sys.stderr)
            if self._silent:
                print(f"no node here was at work in run {run}; for earlier ones: pilothouse job logs", file=sys.stderr)

    def _prefix(self, log: NodeLogFile) -> bytes:
        text = f"{self._nodes.title(log.node.resource_id)} {log.phase} | "
        return (paint(text, "cyan") if self._colours else text).encode()


class JsonWriter:
    """One JSON object a line: ``Line`` for each line of a log, ``JobEnded`` at the end."""

    def __init__(self, nodes: KnownNodes) -> None:
        self._nodes = nodes

    def lines(self, log: NodeLogFile | None, lines: Iterator[bytes]) -> None:
        """Write the lines of one log."""
        origin = {"log": "console"} if log is None else {"log": "node", **_origin(log, self._nodes)}
        for line in lines:
            self._put({"type": "Line", **origin, "line": line.decode("utf-8", "backslashreplace")})
        sys.stdout.flush()

    def end(self, job_id: str, run: int, state: str, code: int) -> None:
        """Write how the job stands."""
        self._put({"type": "JobEnded", "job_id": job_id, "run": run, "state": state, "code": code})
        sys.stdout.flush()

    def _put(self, value: dict[str, object]) -> None:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def writer_for(nodes: KnownNodes, named: Sequence[str], *, as_json: bool) -> Writer:
    """Return the writer for what was asked: ``named`` are the nodes as they were given."""
    if as_json:
        return JsonWriter(nodes)
    several = len(nodes.find(named)) > 1
    return PlainWriter(nodes, named=several, heads=bool(named) and not several)


def sources_of(
    space: Workspace, nodes: KnownNodes, wanted: Sequence[Node], phase: str | None = None, last: int | None = None
) -> Sources:
    """Return the logs of the wanted nodes; without any that of a phase's nodes, or else the console's."""
    if not wanted and phase is None:
        return Sources(space.console, None, last)
    return Sources(None, LogFolders(space, wanted or nodes.by_id.values(), phase), last)


def watch(space: Workspace, known: Records, sources: Sources, writer: Writer) -> int:
    """Write what the logs get until the job is over; returns its exit code, or 3 when told to stop before."""
    _raise_file_limit()
    try:
        with contextlib.closing(sources):
            while True:
                # the state first: whatever was written before the job was over is then read below
                now = moment(space, known)
                for source in sources.look(known):
                    writer.lines(source.log, source.tail.lines(final=now.over))
                if now.over:
                    code = exit_code(now.state, known)
                    writer.end(space.job_id, now.run, now.state, code)
                    return code
                time.sleep(_PAUSE)
    except KeyboardInterrupt:
        print(f"\nno longer following job {space.job_id}; it goes on", file=sys.stderr)
        return ExitCode.STILL_RUNNING


def _origin(log: NodeLogFile, nodes: KnownNodes) -> dict[str, object]:
    node = log.node
    return {"phase": log.phase, "node": node.key, "resourceId": node.resource_id, "name": nodes.title(node.resource_id)}


def _raise_file_limit() -> None:
    """Allow as many open files as the system grants: one for each log."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

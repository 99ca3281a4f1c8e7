"""``pilothouse job outputs``: what operations handed back or printed, identical ones of many nodes once."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pilothouse.cli.display.folding import Fold, as_lines, describe, fold, headline
from pilothouse.cli.display.palette import DIM, STRONG, Line, clean
from pilothouse.cli.display.paper import put
from pilothouse.cli.display.ranges import natural
from pilothouse.cli.display.transcript import transcript
from pilothouse.cli.job_files import LogFolders, check_phase
from pilothouse.cli.job_logs import read_log
from pilothouse.cli.job_nodes import KnownNodes, known_nodes
from pilothouse.cli.job_standing import existing
from pilothouse.engine.records import Records, records
from pilothouse.engine.request import read_text
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import ExitCode, UsageError
from pilothouse.jobs import decoding
from pilothouse.jobs.document import Job, Operation, Phase, each
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.secret import MASK
from pilothouse.jobs.turns import operation_of

_SHORTEST: Final = 2
_SECRET: Final = frozenset({"password", "account"})

Texts = list[tuple[Node, list[str]]]
"""What nodes have to show of one operation."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The folds of one operation; ``values`` are the outputs themselves, one for each fold, where there are any."""

    phase: str
    operation: str
    name: str
    folds: list[Fold]
    values: list[dict[str, Any]] | None = None


def outputs(chosen: argparse.Namespace) -> int:
    """Print outputs, or with ``--lines`` what was printed; raises UsageError for unknown names."""
    space = existing(chosen)
    if chosen.lines:
        return fold_logs(chosen, space)
    job = _document(space)
    with records(space.journal) as known:
        nodes = known_nodes(space, known.nodes())
        wanted = {node.resource_id for node in nodes.find(chosen.nodes)}
        stored = known.outputs()
    found = []
    for phase, operation in _operations(job, chosen.op, chosen.phase):
        # in a loop each turn has outputs of its own
        for key in sorted((key for key in stored if operation_of(key) == operation.id), key=natural):
            values = _values(operation, stored[key], wanted, on_runner=phase.on_runner)
            if values:
                found.append(_part(phase.name, key, operation, values, nodes))
    return _print(chosen, found, f"no operation of job {space.job_id} has handed back an output{_there(chosen)}")


def fold_logs(chosen: argparse.Namespace, space: Workspace) -> int:
    """Print what operations printed on the nodes, identical texts once; raises UsageError for unknown names."""
    with records(space.journal) as known:
        nodes = known_nodes(space, known.nodes())
        check_phase(chosen.phase, known.phases())
        texts = _printed(chosen, space, known, nodes)
    job = _document(space)
    names = {
        (phase.name, item.id): item.name
        for group in job.groups
        for phase in group.phases
        for _, item in each(phase.operations)
    }
    op = getattr(chosen, "op", None)
    if op is not None:
        _operations(job, op, chosen.phase)
    found = [
        Part(
            phase=phase,
            operation=operation,
            name=names.get((phase, operation_of(operation)), operation),
            folds=_folded(_impersonal(shown), nodes),
        )
        for (phase, operation), shown in texts.items()
        if op in {None, operation, operation_of(operation), names.get((phase, operation_of(operation)))}
    ]
    return _print(chosen, found, f"no operation of job {space.job_id} has printed anything{_there(chosen)}")


def _printed(
    chosen: argparse.Namespace, space: Workspace, known: Records, nodes: KnownNodes
) -> dict[tuple[str, str], Texts]:
    wanted = nodes.find(chosen.nodes) or nodes.by_id.values()
    texts: dict[tuple[str, str], Texts] = {}
    for log in LogFolders(space, wanted, chosen.phase).new(known.phases()):
        lines = read_log(log.path).decode("utf-8", "backslashreplace").removesuffix("\n").split("\n")
        for operation, printed in transcript(lines).items():
            texts.setdefault((log.phase, operation), []).append((log.node, printed))
    return texts


def _impersonal(texts: Texts) -> Texts:
    """Put ``<node>`` for each node's own name and host, so that nodes that say the same about themselves agree."""
    if len(texts) == 1:
        return texts
    shared = Counter(word for node, _ in texts for word in {node.name, node.host})
    return [(node, _without_names(lines, [node.host, node.name], shared)) for node, lines in texts]


def _without_names(lines: list[str], names: list[str], shared: Mapping[str, int]) -> list[str]:
    own = [re.escape(name) for name in sorted(names, key=len) if len(name) >= _SHORTEST and shared[name] == 1]
    if not own:
        return lines
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(reversed(own))})(?![\w-])")
    return [pattern.sub("<node>", line) for line in lines]


def _document(space: Workspace) -> Job:
    return decoding.decode(read_text(space.params), str(space.params))


def _operations(job: Job, wanted: str | None, phase: str | None) -> list[tuple[Phase, Operation]]:
    every = [
        (item, operation) for group in job.groups for item in group.phases for _, operation in each(item.operations)
    ]
    _known("phase", phase, {item.name for item, _ in every})
    _known("operation", wanted, {name for _, operation in every for name in (operation.id, operation.name)})
    return [
        (item, operation)
        for item, operation in every
        if phase in {None, item.name} and wanted in {None, operation.id, operation.name}
    ]


def _known(what: str, wanted: str | None, present: set[str]) -> None:
    if wanted is not None and wanted not in present:
        raise UsageError(f"the job has no {what} {wanted!r}; it has: {', '.join(sorted(present)[:10])}")


def _values(
    operation: Operation, stored: Mapping[int, Any], wanted: set[int], *, on_runner: bool
) -> dict[int, dict[str, Any]]:
    """Return an operation's outputs by resourceId, secrets masked."""
    secret = {item.name for item in operation.outputs or () if item.type in _SECRET}
    return {
        resource_id: {name: MASK if name in secret and value else value for name, value in data.items()}
        for resource_id, data in stored.items()
        # a job with a single node keeps that node's outputs for the runner too
        if (on_runner or resource_id != LOCAL.resource_id) and (not wanted or resource_id in wanted)
    }


def _part(phase: str, key: str, operation: Operation, values: Mapping[int, dict[str, Any]], nodes: KnownNodes) -> Part:
    known = [
        (nodes.by_id.get(number) or Node(resource_id=number, host=str(number)), value)
        for number, value in values.items()
    ]
    folds = _folded([(node, as_lines(value)) for node, value in known], nodes)
    first = {nodes.title(number): value for number, value in values.items() if number in nodes.by_id}
    return Part(
        phase=phase,
        operation=key,
        name=operation.name,
        folds=folds,
        values=[first.get(item.nodes[0], {}) for item in folds],
    )


def _folded(texts: Texts, nodes: KnownNodes) -> list[Fold]:
    return fold((nodes.title(node.resource_id), lines) for node, lines in texts)


def _there(chosen: argparse.Namespace) -> str:
    return " there" if chosen.nodes or chosen.phase or getattr(chosen, "op", None) else " yet"


def _print(chosen: argparse.Namespace, parts: Sequence[Part], nothing: str) -> int:
    if chosen.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode([_plain(part) for part in parts])) + b"\n")
    elif parts:
        put(_lines(parts), sys.stdout)
    else:
        print(nothing)
    return ExitCode.SUCCESS


def _plain(part: Part) -> dict[str, Any]:
    """Return a part as programs get it."""
    folds = []
    for number, item in enumerate(part.folds):
        content = {"lines": item.lines} if part.values is None else {"outputs": part.values[number]}
        folds.append({"count": len(item.nodes), "nodes": item.nodes, **content})
    return {"phase": part.phase, "operation": part.operation, "name": part.name, "folds": folds}


def _lines(parts: Iterable[Part]) -> list[Line]:
    lines: list[Line] = []
    for part in parts:
        title = f"{clean(part.phase)} / {clean(part.operation)}"
        lines += [(), ((title, STRONG), (f"  {headline(part.folds)}", DIM)), *describe(part.folds)]
    return lines[1:]

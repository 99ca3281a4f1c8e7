"""What will happen, decided before anything does: lanes of steps for each group (spec section 4).

A group's lanes run side by side; the steps of a lane run one after another; the nodes of a step run up to
``parallel`` at a time. One-shot and gray-scale differ only here: one-shot gives each phase a lane of its
own with one step, gray-scale gives the group one lane that visits every phase in every round.
"""

import hashlib
from collections.abc import Collection
from typing import Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.document import Group, Job, Phase, Strategy
from pilothouse.jobs.nodes import LOCAL, NodeFile
from pilothouse.jobs.rounds import explicit, parallelism, round_sizes, trigger_round

_SHOWN: Final = 10


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What part of the job to run, and as which runner. Empty means everything."""

    groups: tuple[int, ...] = ()
    phases: tuple[str, ...] = ()
    nodes: tuple[int, ...] = ()
    runner_id: int = 1


class NodeSets(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes of a job; those of a phase go before its group's, and these before the job's."""

    job: NodeFile
    groups: dict[int, NodeFile] = {}
    phases: dict[str, NodeFile] = {}

    def of_group(self, group: int) -> NodeFile:
        """Return the nodes over which a gray-scale group deals its rounds."""
        return self.groups.get(group, self.job)

    def of_phase(self, group: int, phase: str) -> NodeFile:
        """Return the nodes of a one-shot phase."""
        return self.phases.get(phase, self.of_group(group))

    @property
    def files(self) -> tuple[NodeFile, ...]:
        """Every node file, the widest first."""
        return (self.job, *self.groups.values(), *self.phases.values())


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A phase on some nodes (by resourceId, 0 being the runner itself), in round ``round`` of ``rounds``."""

    phase: str
    nodes: tuple[int, ...]
    parallel: int
    round: int = 1
    rounds: int = 1


class Lane(msgspec.Struct, frozen=True):
    """Steps in order; each begins when the one before has ended on all its nodes."""

    steps: tuple[Step, ...]


class GroupPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A group's lanes, side by side. In a ``shared`` one every step ends only when it has on all runners."""

    number: int
    strategy: Strategy
    lanes: tuple[Lane, ...]
    shared: bool = False

    @property
    def phases(self) -> tuple[str, ...]:
        """The names of the group's phases that take part."""
        return tuple(dict.fromkeys(step.phase for lane in self.lanes for step in lane.steps))

    def nodes_of(self, phase: str) -> tuple[int, ...]:
        """Return every node of a phase, in the order in which they are taken up."""
        return tuple(node for lane in self.lanes for step in lane.steps if step.phase == phase for node in step.nodes)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run of a job will do, in order. ``digest`` names document, nodes and selection."""

    job_id: str
    groups: tuple[GroupPlan, ...]
    digest: str

    @property
    def phases(self) -> tuple[str, ...]:
        """The names of all phases that take part."""
        return tuple(name for group in self.groups for name in group.phases)

    @property
    def total(self) -> int:
        """The number of node runs over all phases."""
        return sum(len(step.nodes) for group in self.groups for lane in group.lanes for step in lane.steps)


def plan(job: Job, nodes: NodeFile | NodeSets, selection: Selection) -> Plan:
    """Decide groups, phases, rounds and nodes of a run.

    Raises UsageError when the selection names something that the job does not have.
    """
    sets = nodes if isinstance(nodes, NodeSets) else NodeSets(job=nodes)
    _check(job, sets, selection)
    groups = tuple(
        _group(group, job, sets, selection)
        for group in job.groups
        if not selection.groups or group.number in selection.groups
    )
    groups = tuple(group for group in groups if group.lanes)
    if not groups and (selection.groups or selection.phases):
        raise UsageError("the selected groups have none of the selected phases; nothing would run")
    return Plan(job_id=job.id, groups=groups, digest=_digest(job, sets, selection))


class _Dealt:
    """The nodes over which rounds are dealt (all runners'), and which of them are this runner's."""

    def __init__(self, nodes: NodeFile, selection: Selection) -> None:
        wanted = set(selection.nodes)
        self.all = [node for node in nodes.nodes if not wanted or node.resource_id in wanted]
        self.total = len(self.all) if wanted else max(nodes.total, len(self.all))
        self.ours = {node.resource_id for node in self.all if node.runner_id in {None, selection.runner_id}}
        header = nodes.header
        leads = header is None or header.local_runner_id in {None, selection.runner_id}
        self.here = (LOCAL.resource_id,) if leads else ()
        self.shared = header is not None and len(set(header.runner_ids)) > 1

    def share(self, start: int, size: int) -> tuple[int, ...]:
        chosen = self.all[start : start + size]
        return tuple(node.resource_id for node in chosen if node.resource_id in self.ours)


def _group(group: Group, job: Job, sets: NodeSets, selection: Selection) -> GroupPlan:
    phases = [phase for phase in group.phases if not selection.phases or phase.name in selection.phases]
    divisor = job.round_count if group.round_count is None else group.round_count
    if group.strategy is Strategy.ONE_SHOT or len(selection.phases) == 1:
        lanes = tuple(
            Lane((_one_shot(phase, group, divisor, _Dealt(sets.of_phase(group.number, phase.name), selection)),))
            for phase in phases
        )
        return GroupPlan(number=group.number, strategy=group.strategy, lanes=lanes)
    dealt = _Dealt(sets.of_group(group.number), selection)
    steps = tuple(_gray_scale(phases, group, divisor, dealt))
    lanes = (Lane(steps),) if steps else ()
    return GroupPlan(number=group.number, strategy=group.strategy, lanes=lanes, shared=dealt.shared)


def _one_shot(phase: Phase, group: Group, divisor: int, dealt: _Dealt) -> Step:
    if phase.on_runner:
        return Step(phase=phase.name, nodes=dealt.here, parallel=1)
    nodes = dealt.share(0, len(dealt.all))
    chosen = divisor if phase.round_count is None else phase.round_count
    at_once = explicit(phase, group) or parallelism(dealt.total, chosen)
    return Step(phase=phase.name, nodes=nodes, parallel=at_once)


def _gray_scale(phases: list[Phase], group: Group, divisor: int, dealt: _Dealt) -> list[Step]:
    sizes = round_sizes(len(dealt.all), divisor)
    widest = max(1, sizes[0])
    steps = []
    start = 0
    for number, size in enumerate(sizes, 1):
        for phase in phases:
            if not phase.on_runner:
                nodes, parallel = dealt.share(start, size), explicit(phase, group) or _within(phase, widest, dealt)
            elif trigger_round(phase.exec_round, len(sizes)) == number:
                nodes, parallel = dealt.here, 1
            else:
                continue
            steps.append(Step(phase=phase.name, nodes=nodes, parallel=parallel, round=number, rounds=len(sizes)))
        start += size
    return steps


def _within(phase: Phase, widest: int, dealt: _Dealt) -> int:
    """Return how many nodes of a round at a time: a phase's own roundCount narrows it, rounds stay the group's."""
    return widest if phase.round_count is None else min(widest, parallelism(dealt.total, phase.round_count))


def _check(job: Job, sets: NodeSets, selection: Selection) -> None:
    _known("group", selection.groups, [group.number for group in job.groups])
    _known("phase", selection.phases, [phase.name for group in job.groups for phase in group.phases])
    _known("node", selection.nodes, [node.resource_id for file in sets.files for node in file.nodes])


def _known(what: str, wanted: Collection[object], present: Collection[object]) -> None:
    for item in wanted:
        if item not in present:
            some = ", ".join(str(name) for name in list(present)[:_SHOWN]) or "none"
            more = f" and {len(present) - _SHOWN:,} more" if len(present) > _SHOWN else ""
            raise UsageError(f"the job has no {what} {item}; it has: {some}{more}")


def _digest(job: Job, sets: NodeSets, selection: Selection) -> str:
    encode = msgspec.json.Encoder(enc_hook=repr, order="deterministic").encode
    hashed = hashlib.sha256()
    for part in (job, sets.job, sorted(sets.groups.items()), sets.phases, selection):
        hashed.update(encode(part))
        hashed.update(b"\n")
    return hashed.hexdigest()

"""What operations would be called with, and what looks wrong, before anything runs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from pilothouse.engine.environment import JobFacts, reference_names
from pilothouse.engine.program import Programs
from pilothouse.engine.sealed import opened_node, opened_options
from pilothouse.errors import PilothouseError
from pilothouse.jobs.arguments import CommandLine, command_line
from pilothouse.jobs.document import Choice, Job, Kind, Loop, Operation, Phase, each
from pilothouse.jobs.items import loop_items
from pilothouse.jobs.nodes import LOCAL, Node, NodeFile
from pilothouse.jobs.plan import GroupPlan, Plan, Selection
from pilothouse.jobs.references import Scope, expand_options, references
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.mask import Masker
from pilothouse.secrets.vault import Vault

_NAMED: Final = 5
_SETTERS: Final = {"native/setenv": "name", "native/extractprestepstatus": "envname"}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as a sample node would run it; ``command`` shows no secret, ``problem`` says why it cannot run.

    A block is one too, with its condition or items for a command; ``depth`` counts the blocks around it.
    """

    phase: str
    operation: str
    kind: str
    node: str
    command: str
    problem: str = ""
    depth: int = 0


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run would stumble over, or do otherwise than meant; ``where`` is a phase or operation."""

    where: str
    text: str


class _Sample(Scope, frozen=True):
    """Looks names up as a run does, but leaves references to outputs as they stand."""

    def output(self, reference: str) -> Any:
        """Return the reference itself."""
        return f"${{{reference}}}"


class Preview:
    """A job seen through the eyes of one node for each phase."""

    def __init__(
        self, job: Job, nodes: NodeFile, selection: Selection, planned: Plan, programs: Programs, vault: Vault
    ) -> None:
        self._job = job
        self._selection = selection
        self._file = nodes
        self._nodes = {node.resource_id: node for node in nodes.nodes} | {LOCAL.resource_id: LOCAL}
        self._planned = {name: item.nodes_of(name) for item in planned.groups for name in _names_of(item)}
        self._programs = programs
        self._vault = vault
        self._facts = _facts(job, selection.runner_id, vault)
        self._masker = Masker(Secret(value) for value in self._sealed())

    def commands(self) -> list[Command]:
        """Return every operation of the plan as the first node of its phase would run it."""
        found = [
            (phase, operation, node, self._line(phase, operation, node), place.count("."))
            for phase, node in self._samples()
            for place, operation in each(phase.operations)
        ]
        # a secret of one operation may stand openly in another
        for _, _, _, line, _ in found:
            for text in line.secrets if isinstance(line, CommandLine) else ():
                self._masker.add(text)
        return [self._command(*item) for item in found]

    def concerns(self, usable: frozenset[str]) -> list[Concern]:
        """Return what looks wrong; ``usable`` are the protocols by which nodes can be reached."""
        return [*self._unknown(), *self._idle(), *self._empty(), *self._short(), *self._unreachable(usable)]

    def _samples(self) -> Iterator[tuple[Phase, Node]]:
        for phase in _phases(self._job):
            for first in self._planned.get(phase.name, ())[:1]:
                yield phase, self._nodes[first]

    def _line(self, phase: Phase, operation: Operation, node: Node) -> CommandLine | PilothouseError:
        scope = _Sample(names=self._names(node))
        program = self._programs.get((phase.name, operation.id))
        style = program.style if program is not None else "posix"
        try:
            return command_line(operation, scope, style, self._open, on_target=operation.kind is Kind.TARGET)
        except PilothouseError as error:
            return error

    def _open(self, text: str) -> str:
        """Open a secret, unless it is an output that is not there yet."""
        return text if "${" in text else self._vault.open(Secret(text))

    def _command(
        self, phase: Phase, operation: Operation, node: Node, line: CommandLine | PilothouseError, depth: int
    ) -> Command:
        match operation.block:
            case Choice() as choice:
                shown = f"if {choice.condition}"
            case Loop() as loop:
                shown = f"for each {loop.variable} of {loop.items}"
            case _:
                shown = f"{operation.name} {line.shown}".rstrip() if isinstance(line, CommandLine) else operation.name
        return Command(
            phase=phase.name,
            operation=operation.id,
            kind=operation.kind.value,
            node="runner" if node is LOCAL else node.name or node.key,
            command=self._masker.mask(shown),
            problem="" if isinstance(line, CommandLine) else self._masker.mask(str(line)),
            depth=depth,
        )

    def _names(self, node: Node) -> tuple[Mapping[str, Any], ...]:
        return (self._facts.options, self._job.global_options, reference_names(self._facts, node, {}))

    def _sealed(self) -> Iterator[str]:
        """Yield the parameters that were opened, and the nodes' passwords."""
        plain = expand_options(self._job.options, self._job.global_options)
        yield from (value for name, value in self._facts.options.items() if value != plain[name])
        for node in self._nodes.values():
            opened = opened_node(node, self._vault)
            become = opened.access.become
            yield from (text for text in (opened.password.reveal(), become and become.password.reveal()) if text)

    def _unknown(self) -> Iterator[Concern]:
        declared = {
            operation.id: {output.name for output in operation.outputs or ()}
            for phase in _phases(self._job)
            for _, operation in each(phase.operations)
        }
        made = dict.fromkeys(_made(self._job), "")
        for phase, node in self._samples():
            scope = Scope(names=(*self._names(node), made))
            for _, operation in each(phase.operations):
                for name in dict.fromkeys(_referred(operation)):
                    if text := _fault(name, scope, declared):
                        yield Concern(where=f"{phase.name} / {operation.id}", text=text)

    def _idle(self) -> Iterator[Concern]:
        """Yield the loops that have nothing to go over, as far as that is known before a run."""
        for phase, node in self._samples():
            scope = _Sample(names=self._names(node))
            for _, operation in each(phase.operations):
                if isinstance(operation.block, Loop) and not loop_items(operation.block.items, scope):
                    text = f"loopItems {operation.block.items!r} holds no item; what is in the loop will not run"
                    yield Concern(where=f"{phase.name} / {operation.id}", text=self._masker.mask(text))

    def _empty(self) -> Iterator[Concern]:
        asked = self._selection
        if not self._job.groups:
            yield Concern(where="$.runFlow", text="no group; the job will do nothing")
        for group in self._job.groups:
            for phase in group.phases:
                wanted = (not asked.groups or group.number in asked.groups) and (
                    not asked.phases or phase.name in asked.phases
                )
                if wanted and not self._planned.get(phase.name):
                    yield Concern(where=phase.name, text="no node here for this phase; it will do nothing")

    def _short(self) -> Iterator[Concern]:
        counted = self._file.total
        held = len(self._file.nodes)
        if held and counted > held:
            text = f"the first line counts {counted:,} nodes, but the file holds {held:,}; it may have been cut off"
            yield Concern(where="nodes", text=text)

    def _unreachable(self, usable: frozenset[str]) -> Iterator[Concern]:
        wanted = {node for nodes in self._planned.values() for node in nodes}
        for protocol in sorted({self._nodes[number].protocol for number in wanted} - usable):
            named = [node.name or node.key for node in self._nodes.values() if node.protocol == protocol]
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            text = f"protocol {protocol} cannot be used in this release: {', '.join(named[:_NAMED])}{more} will fail"
            yield Concern(where="nodes", text=text)


def _facts(job: Job, runner_id: int, vault: Vault) -> JobFacts:
    options = opened_options(expand_options(job.options, job.global_options), vault)
    return JobFacts(
        job_id=job.id,
        tenant=job.tenant,
        user=job.user,
        runner_id=runner_id,
        pid=0,
        home="",
        dev_mode=False,
        pass_through="{}",  # noqa: S106 - the documented pass-through environment, no password
        options=options,
        environment=job.environment,
    )


def _phases(job: Job) -> Iterator[Phase]:
    return (phase for group in job.groups for phase in group.phases)


def _names_of(group: GroupPlan) -> Iterable[str]:
    return dict.fromkeys(step.phase for lane in group.lanes for step in lane.steps)


def _made(job: Job) -> Iterator[str]:
    """Yield the names that get their values only in a run: of loops, and of operations that set variables."""
    for phase in _phases(job):
        for _, operation in each(phase.operations):
            if isinstance(operation.block, Loop):
                yield operation.block.variable
            option = _SETTERS.get(operation.name) if operation.kind is Kind.NATIVE else None
            yield from (str(item.value) for item in operation.options if item.name == option)


def _referred(operation: Operation) -> Iterator[str]:
    values = (*(option.value for option in operation.options), *(item.value for item in operation.arguments))
    return (name for value in values for name in references(value))


def _fault(name: str, scope: Scope, declared: Mapping[str, set[str]]) -> str:
    if name.count(".") >= 2:  # noqa: PLR2004 - phase, operation and name
        operation, _, output = name.partition(".")[2].rpartition(".")
        if ".loop" in f".{operation}.{output}":
            return ""
        if operation not in declared:
            return f"${{{name}}}: the job has no operation {operation!r}, so the operation that uses it will fail"
        if output not in declared[operation]:
            known = ", ".join(sorted(declared[operation])) or "none"
            return f"${{{name}}}: operation {operation} declares no output {output!r}; it has: {known}"
        return ""
    if not name.isidentifier() or scope.knows(name):
        return ""
    return f"${{{name}}}: no such parameter; the text is passed on as it stands"

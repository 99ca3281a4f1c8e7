"""Reading a job document, whole: every fault is found before anything starts (spec section 2)."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from pilothouse.errors import DocumentError, Problem
from pilothouse.jobs import nodes
from pilothouse.jobs.document import (
    LEGACY_KINDS,
    ON_RUNNER,
    PER_NODE,
    Argument,
    Block,
    Choice,
    ExecRound,
    Group,
    Job,
    Kind,
    Loop,
    Operation,
    Option,
    Output,
    Phase,
    Script,
    Strategy,
    each,
)
from pilothouse.jobs.fields import Fields, check_values, shown, unreadable
from pilothouse.jobs.interpreters import INTERPRETERS
from pilothouse.jobs.tolerance import Tolerance, read_tolerance
from pilothouse.jobs.turns import RESERVED, is_turn

_PHASE_TYPES: Final = ("runner", "local", "sqlfile", "target", "remote", "runner_target", "localremote")
_LOCAL_TYPES: Final = frozenset({"runner", "local", "sqlfile"})
_KINDS: Final = (*Kind, *LEGACY_KINDS)
_JOB_ID: Final = "up to 128 letters, digits, - and _"
_LONGEST_ID: Final = 128
_A_NAME: Final = "a name of at most 200 bytes without / and not starting with ."
_AN_ID: Final = f"{_A_NAME}, or two such joined by /; not nodeEnv, and no # and digits at the end"
_DEEPEST: Final = 20
_LONGEST_NAME: Final = 200  # bytes: names of files are made of it, and file systems allow 255


def decode(text: str, source: str) -> Job:
    """Read params.json; ``source`` names it in errors. Raises DocumentError with every fault found."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(source, [unreadable(error, "a job object")]) from None
    if not isinstance(value, dict):
        raise DocumentError(source, [Problem("$", shown(value), "a job object")])
    problems: list[Problem] = []
    check_values(value, "$", problems)
    if problems:
        raise DocumentError(source, problems)
    job = _job(Fields(value, "$", problems))
    if problems:
        raise DocumentError(source, problems)
    return job


def _job(read: Fields) -> Job:
    groups = tuple(_group(item) for item in read.objects("runFlow"))
    _unique(read, "groupNo", ((f"$.runFlow[{i}].groupNo", group.number) for i, group in enumerate(groups)))
    _unique(
        read,
        "phaseName",
        (
            (f"$.runFlow[{i}].phases[{k}].phaseName", phase.name)
            for i, group in enumerate(groups)
            for k, phase in enumerate(group.phases)
        ),
    )
    return Job(
        id=_job_id(read),
        groups=groups,
        tenant=read.text("tenant") or "none",
        user=read.text("execUser"),
        round_count=read.integer("roundCount", low=None) or 0,
        options=read.mapping("opt"),
        global_options=read.mapping("globalOpt"),
        environment=read.mapping("environment"),
        pass_through=read.mapping("passThroughEnv"),
        nodes=_run_nodes(read),
    )


def _job_id(read: Fields) -> str:
    found = read.value.get("jobId")
    if found is None or isinstance(found, bool) or not isinstance(found, int | str):
        if found is not None:
            read.fault("jobId", shown(found), _JOB_ID)
        return "0"
    if not is_job_id(str(found)):
        read.fault("jobId", shown(found), _JOB_ID)
    return str(found)


def is_job_id(text: str) -> bool:
    """Whether the text can name a job and its folder."""
    if len(text) > _LONGEST_ID:
        return False
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum() and text[0] not in "-_"


def _run_nodes(read: Fields) -> tuple[nodes.Node, ...] | None:
    if read.value.get("runNode") is None:
        return None
    return nodes.collect([(item.place, item.value) for item in read.objects("runNode")], read.problems)


def _group(read: Fields) -> Group:
    if read.value.get("phases") is None:
        read.fault("phases", "missing", 'a list of phases ({"phaseName": ..., "operations": [...]})')
    strategy = read.text("execStrategy")
    serialize = read.flag("serializeNodes")
    tolerance = read_tolerance(read, Tolerance())
    return Group(
        number=read.integer("groupNo", required=True) or 0,
        strategy=Strategy.GRAY_SCALE if strategy == Strategy.GRAY_SCALE else Strategy.ONE_SHOT,
        round_count=read.integer("roundCount", low=None),
        parallel=read.integer("parallel", low=1),
        phases=tuple(_phase(item, tolerance, serialize=serialize) for item in read.objects("phases")),
    )


def _phase(read: Fields, tolerance: Tolerance, *, serialize: bool) -> Phase:
    operations = tuple(_operation(item) for item in read.objects("operations", required=True))
    places = ((f"{place}.opId", operation.id) for place, operation in each(operations, f"{read.place}.operations"))
    _unique(read, "opId", places)
    kind = read.word("phaseType", _PHASE_TYPES, "")
    return Phase(
        name=read.text("phaseName", required=True, check=_is_name, allowed=_A_NAME),
        on_runner=_on_runner(read, kind, operations),
        operations=operations,
        exec_round=ExecRound(read.word("execRound", tuple(ExecRound), ExecRound.FIRST)),
        round_count=read.integer("roundCount", low=None),
        parallel=read.integer("parallel", low=1),
        serialize=read.flag("serializeNodes") if "serializeNodes" in read.value else serialize,
        rerun=kind == "sqlfile",
        tolerance=read_tolerance(read, tolerance),
    )


def _on_runner(read: Fields, kind: str, operations: tuple[Operation, ...]) -> bool:
    """Say where the phase runs; a phase that mixes both sides is refused (spec section 13, D06)."""
    kinds = [(place, operation.kind) for place, operation in each(operations, "operations")]
    here = kind in _LOCAL_TYPES if kind else any(item in ON_RUNNER for _, item in kinds)
    strangers = PER_NODE if here else ON_RUNNER
    for place, item in kinds:
        if item in strangers:
            side, others = ("the runner", ON_RUNNER) if here else ("target nodes", PER_NODE)
            allowed = ", ".join(sorted([*others, Kind.NATIVE]))
            read.fault(
                f"{place}.opType",
                f"{shown(item)} in a phase that runs on {side}",
                f"{allowed}; put operations of the other side into a phase of their own",
            )
    return here


def _operation(read: Fields, depth: int = 0) -> Operation:
    types = read.mapping("desc")
    name = read.text("opName", required=True)
    interpreter = read.word("interpreter", tuple(INTERPRETERS), "")
    script = _script(read, interpreter)
    block = _BLOCKS[name](read, depth + 1) if name in _BLOCKS else None
    return Operation(
        id=read.text("opId", required=True, check=_is_operation_id, allowed=_AN_ID),
        name=name,
        kind=_kind(read) if block is None else Kind.NATIVE,
        script=script,
        interpreter=interpreter,
        options=tuple(Option(key, value, str(types.get(key) or "text")) for key, value in read.mapping("opt").items()),
        arguments=tuple(Argument(item.value.get("value"), item.text("type") or "text") for item in read.objects("arg")),
        outputs=_outputs(read),
        fail_ignore=read.flag("failIgnore"),
        node_password=read.flag("nodePassword"),
        help=read.text("help"),
        block=block,
    )


def _choice(read: Fields, depth: int) -> Block:
    if read.value.get("if") is None and read.value.get("else") is None:
        read.fault("if", "missing", "a list of operations, here or in else")
    return Choice(
        condition=read.text("condition", required=True),
        then=_inner(read, "if", depth),
        otherwise=_inner(read, "else", depth),
    )


def _loop(read: Fields, depth: int) -> Block:
    items = read.value.get("loopItems")
    if isinstance(items, list):
        text = json.dumps(items, ensure_ascii=False)
    else:
        text = read.text("loopItems", required=True, allowed="a text or a list")
    allowed = "a name of letters, digits and _"
    return Loop(
        items=text,
        variable=read.text("loopItemVar", required=True, check=_is_variable, allowed=allowed),
        operations=_inner(read, "operations", depth),
    )


def _inner(read: Fields, name: str, depth: int) -> tuple[Operation, ...]:
    if depth > _DEEPEST:
        read.fault(name, f"a block inside {_DEEPEST} others", f"up to {_DEEPEST} levels of blocks")
        return ()
    return tuple(_operation(item, depth) for item in read.objects(name))


_BLOCKS: Final = {"native/IF-Block": _choice, "native/LOOP-Block": _loop}


def _kind(read: Fields) -> Kind:
    if read.value.get("opType") is None:
        read.fault("opType", "missing", ", ".join(_KINDS))
    word = read.word("opType", _KINDS, Kind.RUNNER)
    return LEGACY_KINDS.get(word) or Kind(word)


def _script(read: Fields, interpreter: str) -> Script | None:
    if not read.flag("isScript"):
        return None
    if not read.value.get("interpreter"):
        read.fault("interpreter", "missing", ", ".join(INTERPRETERS))
    content = read.value.get("scriptContent")
    if content is not None and not isinstance(content, str):
        read.fault("scriptContent", shown(content), "a string")
        content = None
    identity = read.value.get("scriptId")
    if identity is not None and (isinstance(identity, bool) or not isinstance(identity, int | str)):
        read.fault("scriptId", shown(identity), "an integer or a string")
    return Script(interpreter=interpreter, content=content, id="" if identity is None else str(identity))


def _outputs(read: Fields) -> tuple[Output, ...] | None:
    if read.value.get("output") is None:
        return None
    found = []
    for name, item in read.mapping("output").items():
        if isinstance(item, dict):
            found.append(Output(name, str(item.get("type") or "text"), item.get("defaultValue")))
        else:
            read.fault(f"output.{name}", shown(item), "an object with type and defaultValue")
    return tuple(found)


def _is_name(text: str) -> bool:
    return (
        bool(text) and "/" not in text and "\0" not in text and text[0] != "." and len(text.encode()) <= _LONGEST_NAME
    )


def _is_operation_id(text: str) -> bool:
    parts = text.split("/")
    if text in RESERVED or is_turn(text):
        return False
    return len(parts) <= 2 and all(_is_name(part) for part in parts)  # noqa: PLR2004 - group and name


def _is_variable(text: str) -> bool:
    return re.fullmatch(r"\w+", text) is not None


def _unique(read: Fields, what: str, found: Iterable[tuple[str, Any]]) -> None:
    first: dict[Any, str] = {}
    for place, value in found:
        if value in first:
            read.problems.append(Problem(place, f"{shown(value)} again, as at {first[value]}", f"one {what} each"))
        first.setdefault(value, place)

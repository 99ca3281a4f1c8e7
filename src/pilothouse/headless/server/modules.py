"""What a module is (headless 13.6, 15): a named, versioned document that says what runs, and how often at once."""

from typing import Any, Final, Literal

import msgspec

from pilothouse.errors import DocumentError, Problem, UsageError
from pilothouse.headless.server import bounds
from pilothouse.headless.server.flight import Claim, Policy
from pilothouse.jobs import decoding, nodes
from pilothouse.jobs.document import placed

_NAMES: Final = "[A-Za-z0-9_.-], 1 to 32 of them"
_LONGEST: Final = 32
_ASKING: Final = frozenset({"interact/interact", "interact/continue"})


class Concurrency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many sessions may have the module open; ``key`` may use parameters as ``{name}``."""

    key: str = ""
    policy: Policy = "refuse"
    max: int = 1
    queue: int = 1


class Module(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A module; which of the fields count depends on ``kind``. ``params`` are all that it knows, with defaults."""

    kind: Literal["python", "file", "command", "definition"]
    entry: str = ""
    file: str = ""
    command: tuple[str, ...] = ()
    definition: dict[str, Any] = {}
    nodes: str = ""
    params: dict[str, str] = {}
    concurrency: Concurrency = Concurrency()
    limits: dict[str, float] = {}


def encode(module: Module) -> str:
    """Return a module as it is stored."""
    return msgspec.json.encode(module).decode()


def decode(document: str) -> Module:
    """Return a stored module. Raises DocumentError."""
    try:
        return msgspec.json.decode(document, type=Module)
    except msgspec.DecodeError as error:
        raise DocumentError("module", [Problem("$", str(error), "a module's document")]) from None


def check(name: str, module: Module) -> Module:
    """Return a module that may be published. Raises UsageError saying what is missing."""
    if not 0 < len(name) <= _LONGEST or not all(each.isascii() and (each.isalnum() or each in "_.-") for each in name):
        raise UsageError(f"module {name!r}: give a name of {_NAMES}")
    bounds.check(module.limits)
    if module.concurrency.max < 1 or module.concurrency.queue < 0:
        raise UsageError(f"module {name}: at least one may run, and none or more may wait")
    match module.kind:
        case "python":
            package, _, function = module.entry.partition(":")
            if not all(part.isidentifier() for part in (*package.split("."), function)):
                raise UsageError(f"module {name}: entry {module.entry!r}; give package.module:function")
        case "file" if not module.file:
            raise UsageError(f"module {name}: give the file's path, such as jobs:night/close.py")
        case "command" if not module.command:
            raise UsageError(f"module {name}: give the command and its words")
        case "definition":
            _check_definition(name, module)
    return module


def claim(name: str, module: Module, params: dict[str, str]) -> Claim | None:
    """Return the key that opening the module needs, None where any number may run."""
    concurrency = module.concurrency
    if concurrency.policy == "parallel" and concurrency.max <= 1:
        return None
    slots = concurrency.max if concurrency.policy == "parallel" else 1
    policy: Policy = "refuse" if concurrency.policy == "parallel" else concurrency.policy
    key = concurrency.key or f"module:{name.lower()}"
    for param, value in params.items():
        key = key.replace(f"{{{param}}}", value)
    return Claim(key, policy, slots, concurrency.queue)


def filled(module: Module, given: dict[str, str]) -> dict[str, str]:
    """Return the module's parameters with what was given. Raises UsageError for one that it does not have."""
    unknown = sorted(given.keys() - module.params.keys())
    if unknown:
        raise UsageError(f"parameter {unknown[0]!r} is not one of the module's")
    return {**module.params, **given}


def files(module: Module, params: dict[str, str]) -> dict[str, str]:
    """Return the documents that the engine is given, by name; parameters are the job's own options."""
    document = {**module.definition, "opt": {**module.definition.get("opt", {}), **params}}
    found = {"params.json": msgspec.json.encode(document).decode()}
    if module.nodes:
        found["nodes.json"] = module.nodes
    return found


def has_sealed_passwords(module: Module) -> bool:
    """Whether a password of its nodes is sealed, so that who runs it needs the key."""
    from pilothouse.secrets import envelope, legacy  # noqa: PLC0415 - only who publishes asks

    job = decoding.decode(msgspec.json.encode(module.definition).decode(), "definition")
    found = nodes.decode(module.nodes, "nodes").nodes if module.nodes else job.nodes or ()
    return any(node.password.reveal().startswith((envelope.PREFIX, *legacy.PREFIXES)) for node in found)


def _check_definition(name: str, module: Module) -> None:
    job = decoding.decode(msgspec.json.encode(module.definition).decode(), f"module {name}")
    found = nodes.decode(module.nodes, f"nodes of module {name}").nodes if module.nodes else job.nodes or ()
    for phase, place, operation in placed(job):
        if operation.name in _ASKING:
            raise UsageError(
                f"module {name}: {place} in phase {phase} asks a person ({operation.name}), and nobody will answer"
            )
    if job.needs_nodes and not found:
        raise UsageError(f"module {name}: its phases run on targets, so give its nodes")

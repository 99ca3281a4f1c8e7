"""What a tool says about itself: the JSON file beside its program (spec section 8.2)."""

import re
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from pilothouse.errors import DocumentError, Problem

Kind = Literal["runner", "runner_target", "target", "sqlfile", "native"]
OpType = Literal["runner", "runner_target", "target", "sqlfile", "native", "local", "localremote", "remote"]
_KINDS: Final[dict[OpType, Kind]] = {
    "runner": "runner",
    "runner_target": "runner_target",
    "target": "target",
    "sqlfile": "sqlfile",
    "native": "native",
    "local": "runner",
    "localremote": "runner_target",
    "remote": "target",
}
_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_EXPECTED: Final = re.compile(r"Expected (?P<allowed>.+), got (?P<found>.+)")


class Choice(msgspec.Struct, frozen=True):
    """One value that a select option offers, and how it is shown."""

    text: str = ""
    value: Any = None


class DataSource(msgspec.Struct, frozen=True):
    """Where the choices of an option come from."""

    choices: tuple[Choice, ...] = msgspec.field(default=(), name="dataList")


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An option ``--opt``; ``type`` is one of the parameter types of spec section 2.6."""

    opt: str
    name: str = ""
    help: str = ""
    type: str = "text"
    required: bool = False
    validate: Any = None
    default: Any = msgspec.field(default=None, name="defaultValue")
    data_source: DataSource = msgspec.field(default=DataSource(), name="dataSource")


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """The positional arguments; ``count`` 0 means any number."""

    name: str = ""
    help: str = ""
    type: str = "text"
    count: int = 0
    constant: bool = msgspec.field(default=False, name="isConst")
    required: bool = False
    validate: Any = None
    default: Any = msgspec.field(default=None, name="defaultValue")


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the tool hands back."""

    opt: str
    name: str = ""
    help: str = ""
    type: str = "text"
    default: Any = msgspec.field(default=None, name="defaultValue")


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A tool's own description; further fields of the file are left alone.

    ``node_password`` means that it reads its node's password from AUTOEXEC_NODE, instead of asking the engine.
    """

    label: str = msgspec.field(default="", name="opDesc")
    description: str = ""
    op_type: OpType = msgspec.field(default="runner", name="opType")
    type_name: str = msgspec.field(default="", name="typeName")
    risk: str = msgspec.field(default="", name="riskName")
    interpreter: str = ""
    node_password: bool = msgspec.field(default=False, name="nodePassword")
    enabled: bool = True
    options: tuple[Option, ...] = msgspec.field(default=(), name="option")
    argument: Argument | None = None
    outputs: tuple[Output, ...] = msgspec.field(default=(), name="output")

    @property
    def kind(self) -> Kind:
        """The operation type in today's words."""
        return _KINDS[self.op_type]


def decode(content: bytes, source: str) -> Descriptor:
    """Return the descriptor in ``content``. Raises DocumentError naming ``source`` (the file) and the JSON path."""
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(content)), Descriptor, strict=False)
    except msgspec.ValidationError as error:
        raise DocumentError(source, [_problem(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(source, [Problem("$", str(error), "one JSON object")]) from None


def read(path: Path) -> Descriptor:
    """Return the descriptor in a file. Raises DocumentError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DocumentError(str(path), [Problem("$", error.strerror or "unreadable", "a readable file")]) from None
    return decode(content, str(path))


def _without_nulls(value: Any) -> Any:
    """Return the document without its nulls, which stand for "not given", and with ``enable`` read as ``enabled``."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if "enable" in kept:
        kept.setdefault("enabled", kept.pop("enable"))
    return kept


def _problem(message: str) -> Problem:
    fault = _FAULT.fullmatch(message)
    what, path = (fault["what"], fault["path"] or "$") if fault else (message, "$")
    if expected := _EXPECTED.fullmatch(what):
        return Problem(path, expected["found"], expected["allowed"])
    return Problem(path, what, "a descriptor as in spec section 8.2")

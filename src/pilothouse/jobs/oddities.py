"""What a job document says in words that no engine knows: read over by a run, told by a check. Pure.

Unknown fields and types are allowed, so that documents of other releases can be read (spec section 2). But a name that
is nearly a known one is most likely a slip, and a job that does something else than was meant.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from pilothouse.jobs.document import Strategy
from pilothouse.jobs.fields import shown

_JOB: Final = (
    "jobId",
    "tenant",
    "execUser",
    "preJobId",
    "roundCount",
    "passThroughEnv",
    "opt",
    "globalOpt",
    "arg",
    "environment",
    "noFireNext",
    "runNode",
    "runFlow",
    "parentId",
    "name",
    "source",
)
_GROUP: Final = ("groupNo", "execStrategy", "roundCount", "parallel", "maxFailures", "serializeNodes", "phases")
_PHASE: Final = (
    *("phaseName", "phaseType", "execRound", "roundCount", "parallel", "maxFailures", "serializeNodes"),
    "operations",
)
_OPERATION: Final = (
    "opId",
    "opName",
    "opType",
    "opLetter",
    "help",
    "isScript",
    "scriptId",
    "scriptContent",
    "interpreter",
    "failIgnore",
    "nodePassword",
    "opt",
    "desc",
    "arg",
    "output",
    "condition",
    "if",
    "else",
    "loopItems",
    "loopItemVar",
    "operations",
)
_TYPES: Final = (
    "text",
    "password",
    "account",
    "textarea",
    "json",
    "node",
    "multiselect",
    "checkbox",
    "file",
    "filepath",
    "switch",
    "select",
    "date",
    "time",
    "datetime",
    "phase",
    "userselect",
    "rawtext",
)
_INNER: Final = ("operations", "if", "else")
_NEAR: Final = 0.82


class Oddity(msgspec.Struct, frozen=True):
    """A JSON path of the document, and what is odd there."""

    place: str
    text: str


def oddities(document: Mapping[str, Any]) -> list[Oddity]:
    """Return what is odd in a document that `pilothouse.jobs.decoding.decode` has read without a fault."""
    return list(_job(document))


def _job(document: Mapping[str, Any]) -> Iterator[Oddity]:
    yield from _slips(document, _JOB, "$")
    for place, group in _objects(document, "runFlow", "$"):
        yield from _slips(group, _GROUP, place)
        yield from _strategy(group, place)
        for below, phase in _objects(group, "phases", place):
            yield from _slips(phase, _PHASE, below)
            yield from _operations(phase, below)


def _strategy(group: Mapping[str, Any], place: str) -> Iterator[Oddity]:
    word = group.get("execStrategy")
    if word and word not in tuple(Strategy):
        known = " and ".join(Strategy)
        yield Oddity(f"{place}.execStrategy", f"{shown(word)} is taken as oneShot; known are {known}")


def _operations(owner: Mapping[str, Any], place: str) -> Iterator[Oddity]:
    for name in _INNER:
        for below, operation in _objects(owner, name, place):
            yield from _slips(operation, _OPERATION, below)
            types = operation.get("desc")
            named = types.items() if isinstance(types, Mapping) else ()
            yield from _types(((f"{below}.desc.{option}", kind) for option, kind in named))
            yield from _types((f"{at}.type", item.get("type")) for at, item in _objects(operation, "arg", below))
            yield from _operations(operation, below)


def _types(found: Iterable[tuple[str, Any]]) -> Iterator[Oddity]:
    for place, kind in found:
        if isinstance(kind, str) and kind not in _TYPES and (near := _near(kind, _TYPES)):
            yield Oddity(place, f"{shown(kind)} is taken as text; did you mean {near}?")


def _slips(value: Mapping[str, Any], known: tuple[str, ...], place: str) -> Iterator[Oddity]:
    for name in value:
        if name not in known and (near := _near(name, known)) and near not in value:
            yield Oddity(f"{place}.{name}", f"no such field, it is left out; did you mean {near}?")


def _near(word: str, known: tuple[str, ...]) -> str:
    """Return the known word that was most likely meant, or nothing."""
    lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower()[:100], lower, 1, _NEAR)
    return lower[found[0]] if found else ""


def _objects(owner: Mapping[str, Any], name: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    items = owner.get(name)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield f"{place}.{name}[{index}]", item

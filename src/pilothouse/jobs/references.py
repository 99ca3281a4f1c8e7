"""References in values: ``${name}``, ``$name`` and ``${phase.operation.output}`` (spec section 3.1).

``$${`` stands for a literal ``${``. Unknown simple names stay as they are; an output that is missing is an
error, because a command built around a hole would do something else than was meant.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pilothouse.errors import UnresolvedReferenceError

_REFERENCE: Final = re.compile(r"(\$\$\{)|\$\{[ \t]*([^{}]*)\}|\$(\w+)")
_MISSING: Final = object()

Outputs = Mapping[str, Any]
"""Outputs by operation id, then by name; under ``<id>.loop`` a list of them, one for each turn of a loop."""


class Scope(msgspec.Struct, frozen=True):
    """Where references are looked up: ``names`` in order, then the node's outputs, then the runner's."""

    names: tuple[Mapping[str, Any], ...] = ()
    outputs: Outputs = {}
    local_outputs: Outputs = {}

    def name(self, name: str) -> Any:
        """Return the value of a simple name, or a marker that `expand` knows."""
        for mapping in self.names:
            if name in mapping:
                return mapping[name]
        return _MISSING

    def knows(self, name: str) -> bool:
        """Whether a simple name has a value."""
        return any(name in mapping for mapping in self.names)

    def output(self, reference: str) -> Any:
        """Return the output that ``phase.operation.name`` means; the phase is not looked at.

        Raises UnresolvedReferenceError when the operation handed back no such output.
        """
        operation, _, name = reference.partition(".")[2].rpartition(".")
        found = self.outputs.get(operation)
        if found is None:
            found = self.local_outputs.get(operation)
        if found is None:
            raise UnresolvedReferenceError(f"${{{reference}}}", self._advice(operation))
        value = [turn.get(name) for turn in found] if isinstance(found, list) else found.get(name)
        if value is None and name == "loop":
            value = self.outputs.get(f"{operation}.loop") or self.local_outputs.get(f"{operation}.loop")
        if value is None:
            names = ", ".join(sorted(found)) or "none"
            raise UnresolvedReferenceError(f"${{{reference}}}", f"operation {operation} handed back: {names}")
        return value

    def _advice(self, operation: str) -> str:
        known = ", ".join(sorted({*self.outputs, *self.local_outputs})) or "none"
        return f"no output of operation {operation} for this node or the runner; outputs so far are of: {known}"


def expand(text: str, scope: Scope) -> str:
    """Return the text with every reference replaced; values that are no strings become JSON.

    Raises UnresolvedReferenceError for an output that does not exist.
    """
    if "$" not in text:
        return text
    return _REFERENCE.sub(lambda match: _replacement(match, scope), text)


def expand_value(value: Any, scope: Scope) -> Any:
    """Return a JSON value with the references in all its strings, names included, replaced."""
    if isinstance(value, str):
        return expand(value, scope)
    if isinstance(value, list):
        return [expand_value(item, scope) for item in value]
    if isinstance(value, dict):
        return {expand(name, scope): expand_value(item, scope) for name, item in value.items()}
    return value


def references(value: Any) -> list[str]:
    """Return what the references in a JSON value's strings name: simple names and ``phase.operation.output``."""
    if isinstance(value, str):
        found = (match[3] or match[2] for match in _REFERENCE.finditer(value) if not match[1])
        return [name for name in found if name]
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    if isinstance(value, dict):
        return [name for pair in value.items() for item in pair for name in references(item)]
    return []


def as_text(value: Any) -> str:
    """Return a value as it stands in a command line: strings as they are, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def expand_options(options: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, str]:
    """Return job parameters as text, each expanded once against all of them (spec section 2.5)."""
    scope = Scope(names=(options, others))
    return {name: expand(as_text(value), scope) for name, value in options.items()}


def _replacement(match: re.Match[str], scope: Scope) -> str:
    escaped, braced, bare = match.groups()
    if escaped:
        return "${"
    reference = bare or braced
    if bare or re.fullmatch(r"\w+", reference):
        value = scope.name(reference)
        return match.group() if value is _MISSING else as_text(value)
    if reference.count(".") < 2:  # noqa: PLR2004 - phase, operation and name
        return match.group()
    return as_text(scope.output(reference))

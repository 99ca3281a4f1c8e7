"""``basic/setfacts``: values handed back as outputs, for later operations to refer to."""

import json
from collections.abc import Sequence
from typing import Any

from pilothouse.errors import UsageError
from pilothouse.tools import program


def main() -> int:
    """Run the tool."""
    add = program.parser("Set values for later operations.")
    add.add_argument("--facts", default="{}")
    add.add_argument("pairs", nargs="*")
    chosen = add.parse_args()
    found = {**read_object("--facts", chosen.facts), **read_pairs(chosen.pairs)}
    if not found:
        raise UsageError("there is nothing to set; give --facts or arguments like name=value")
    program.save(found)
    program.say("FINE", f"set {', '.join(found)}")
    return 0


def read_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """Return the values of ``name=value`` words. Raises UsageError."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"{pair!r} sets nothing; allowed: name=value, the name of letters, digits and _")
        found[name] = value
    return found


def read_object(option: str, text: str) -> dict[str, Any]:
    """Return the JSON object in an option. Raises UsageError."""
    try:
        found = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise UsageError(f"{option}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{option}: allowed: a JSON object")
    return found

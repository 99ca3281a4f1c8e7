"""Reading the fields of a JSON object into typed values, noting every fault with its place."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from pilothouse.errors import Problem

_SHOWN: Final = 60
_DEEPEST: Final = 100
_LONGEST_NUMBER: Final = 20
_FLAGS: Final = {0: False, 1: True, "0": False, "1": True, "": False, "false": False, "true": True, None: False}


def shown(value: Any) -> str:
    """Return a value as an error shows it: JSON, cut to a line's part."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class Fields:
    """One JSON object at a ``place`` (``$.runFlow[0]``); what cannot be used is noted in ``problems``."""

    def __init__(self, value: dict[str, Any], place: str, problems: list[Problem]) -> None:
        self.value = value
        self.place = place
        self.problems = problems

    def fault(self, name: str, found: str, allowed: str) -> None:
        """Note a fault of the field ``name``."""
        self.problems.append(Problem(f"{self.place}.{name}", found, allowed))

    def integer(self, name: str, *, required: bool = False, low: int | None = 0, high: int | None = None) -> int | None:
        """Return an integer or a string of digits; None when absent, null, empty or faulty."""
        found = self.value.get(name)
        if found is None or found == "":
            if required:
                self.fault(name, "missing" if found is None else '""', "an integer")
            return None
        number = int(found) if isinstance(found, str) and _is_integer(found) else found
        if isinstance(number, bool) or not isinstance(number, int):
            self.fault(name, shown(found), "an integer")
            return None
        if (low is not None and number < low) or (high is not None and number > high):
            self.fault(name, shown(found), f"an integer from {low} to {high}" if high else f"an integer from {low} up")
            return None
        return number

    def text(
        self,
        name: str,
        *,
        required: bool = False,
        secret: bool = False,
        check: Callable[[str], bool] | None = None,
        allowed: str = "a string",
    ) -> str:
        """Return a string; "" when absent, null or faulty. A ``secret`` is never shown in a fault."""
        found = self.value.get(name)
        if found is None and not required:
            return ""
        if not isinstance(found, str):
            self.fault(name, "missing" if found is None else "no string" if secret else shown(found), allowed)
            return ""
        if check is not None and not check(found):
            self.fault(name, shown(found), allowed)
            return ""
        return found

    def word(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return one of the ``allowed`` words; ``default`` when absent, null, empty or faulty."""
        found = self.value.get(name)
        if found is None or found == "":
            return default
        if not isinstance(found, str) or found not in allowed:
            self.fault(name, shown(found), ", ".join(allowed))
            return default
        return found

    def flag(self, name: str) -> bool:
        """Return a switch written as 0/1, true/false or a string of these; false when absent."""
        found = self.value.get(name)
        if not isinstance(found, int | str | None) or found not in _FLAGS:
            self.fault(name, shown(found), "0, 1, true or false")
            return False
        return _FLAGS[found]

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object; empty when absent, null or faulty."""
        found = self.value.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.fault(name, shown(found), "an object")
            return {}
        return found

    def objects(self, name: str, *, required: bool = False) -> Iterator["Fields"]:
        """Yield the objects of a list, noting members that are none; nothing when absent or null."""
        found = self.value.get(name)
        if found is None or found == {}:
            if required:
                self.fault(name, "missing", "a list of objects")
            return
        if not isinstance(found, list):
            self.fault(name, shown(found), "a list of objects")
            return
        for index, item in enumerate(found):
            place = f"{self.place}.{name}[{index}]"
            if isinstance(item, dict):
                yield Fields(item, place, self.problems)
            else:
                self.problems.append(Problem(place, shown(item), "an object"))


def unreadable(error: ValueError | RecursionError, wanted: str) -> Problem:
    """Return the fault of a text that the JSON reader gave up on."""
    if isinstance(error, json.JSONDecodeError):
        return Problem(f"line {error.lineno}, column {error.colno}", f"no JSON here ({error.msg})", wanted)
    found = "values nested too deeply" if isinstance(error, RecursionError) else "a number of thousands of digits"
    return Problem("$", found, wanted)


def check_values(value: Any, place: str, problems: list[Problem]) -> None:
    """Note what no file, process or journal could take later on: half characters, and depths without end."""
    waiting = [(value, place, 0)]
    while waiting:
        item, where, depth = waiting.pop()
        if depth > _DEEPEST:
            problems.append(Problem(where, "a value nested too deeply", f"at most {_DEEPEST} levels"))
        elif isinstance(item, str):
            if not _is_text(item):
                problems.append(Problem(where, "half of a surrogate pair", "whole characters"))
        elif isinstance(item, dict):
            if not all(map(_is_text, item)):
                problems.append(Problem(where, "a name with half of a surrogate pair", "whole characters"))
                continue
            waiting += [(inner, f"{where}.{name}", depth + 1) for name, inner in item.items()]
        elif isinstance(item, list):
            waiting += [(inner, f"{where}[{index}]", depth + 1) for index, inner in enumerate(item)]


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_integer(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _LONGEST_NUMBER

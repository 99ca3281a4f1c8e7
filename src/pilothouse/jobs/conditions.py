"""What a condition says in a scope (spec section 4.9, D28). The grammar is in `condition_grammar`."""

import operator
import re
from collections.abc import Callable
from typing import Any, Final

from pilothouse.jobs.condition_grammar import (
    Chain,
    ConditionError,
    Either,
    Every,
    FileTest,
    Link,
    Literal,
    Negative,
    Not,
    Text,
    Tree,
    parse,
)
from pilothouse.jobs.items import split_items
from pilothouse.jobs.references import Scope, as_text, expand

FileTester = Callable[[str, str], bool]
"""Says whether a path passes the test ``f``, ``d``, ``e`` or ``l``."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,400}", re.ASCII)
_REAL: Final = re.compile(r"-?(?:[0-9]{1,400}\.[0-9]{0,400}|\.[0-9]{1,400})", re.ASCII)
_VERSION: Final = re.compile(r"[0-9]+(?:\.[0-9]+){2,}", re.ASCII)
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def holds(text: str, scope: Scope, test_file: FileTester) -> bool:
    """Return whether a condition is true.

    Raises ConditionError with the column, and UnresolvedReferenceError for an output that does not exist.
    """
    return _truth(evaluate(text, scope, test_file))


def evaluate(text: str, scope: Scope, test_file: FileTester) -> Any:
    """Return a condition's value: a bool, or the number or text that its last operator gave. Raises as `holds`."""
    return _Reading(text, scope, test_file).value(parse(text))


class _Reading:
    """One condition in one scope. Values are texts until an operator needs numbers."""

    def __init__(self, text: str, scope: Scope, test_file: FileTester) -> None:
        self._text = text
        self._scope = scope
        self._test_file = test_file

    def value(self, tree: Tree) -> Any:
        match tree:
            case Literal(text):
                return text
            case Text(text):
                return expand(text, self._scope)
            case Negative(operand, column):
                return -self._number(self.value(operand), "-", column)
            case FileTest(letter, operand):
                path = _shown(self.value(operand))
                return bool(path) and "\0" not in path and self._test_file(letter, path)
            case Chain(first, links):
                result = self.value(first)
                for link in links:
                    result = self._apply(result, link)
                return result
            case Not(operand):
                return not _truth(self.value(operand))
            case Every(operands):
                return all(_truth(self.value(operand)) for operand in operands)
            case Either(operands):
                return any(_truth(self.value(operand)) for operand in operands)

    def _apply(self, left: Any, link: Link) -> Any:
        right = self.value(link.operand)
        try:
            return self._applied(link, left, right)
        except (ArithmeticError, ValueError) as error:
            # a quotient by zero, a number beyond all bounds, a broken pattern
            found = f"{_some(left)} {link.operator} {_some(right)} cannot be worked out ({error})"
            raise self._fault(link.column, found, "values for which it can") from None

    def _applied(self, link: Link, left: Any, right: Any) -> Any:
        match link.operator:
            case "=" | "==":
                return _equal(left, right)
            case "!=":
                return not _equal(left, right)
            case "contains":
                return _shown(right) in _shown(left)
            case "startswith":
                return _shown(left).startswith(_shown(right))
            case "matches":
                return self._matches(left, right, link.column)
            case "in":
                return any(_equal(left, as_text(item)) for item in split_items(_shown(right)))
            case "<" | ">" | "<=" | ">=":
                return self._ordered(left, right, link)
        return self._computed(left, right, link)

    def _computed(self, left: Any, right: Any, link: Link) -> Any:
        texts = isinstance(left, str) and isinstance(right, str)
        if link.operator == "+" and texts and None in (_as_number(left), _as_number(right)):
            return left + right
        sign, column = link.operator, link.column
        return _ARITHMETIC[sign](self._number(left, sign, column), self._number(right, sign, column))

    def _ordered(self, left: Any, right: Any, link: Link) -> bool:
        """Order numbers as numbers and versions as texts; a word beside a number has no order."""
        numbers = _as_number(left), _as_number(right)
        if None not in numbers:
            return _ORDER[link.operator](*numbers)
        versions = [_VERSION.fullmatch(_shown(side)) is not None for side in (left, right)]
        if not any(versions) and numbers != (None, None):
            found = f"{_some(left)} {link.operator} {_some(right)}"
            raise self._fault(link.column, found, "two numbers, two texts, or versions such as 1.2.3")
        return _ORDER[link.operator](_shown(left), _shown(right))

    def _matches(self, left: Any, right: Any, column: int) -> bool:
        try:
            return re.search(_shown(right), _shown(left)) is not None
        except (re.error, OverflowError, RecursionError) as error:
            raise self._fault(
                column, f"the pattern {_some(right)} is broken: {error}", "a regular expression"
            ) from None

    def _number(self, value: Any, sign: str, column: int) -> Any:
        number = _as_number(value)
        if number is None:
            raise self._fault(column, f"{_some(value)} is no number for {sign}", "numbers")
        return number

    def _fault(self, column: int, found: str, allowed: str) -> ConditionError:
        return ConditionError(self._text, column, found, allowed)


def _as_number(value: Any) -> int | float | None:
    """Return the number that a value is or that its text says, as the original took digits for numbers."""
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]  # only operators make such values: numbers and truth values
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _REAL.fullmatch(value) else None


def _equal(left: Any, right: Any) -> bool:
    numbers = _as_number(left), _as_number(right)
    return numbers[0] == numbers[1] if None not in numbers else _shown(left) == _shown(right)


def _truth(value: Any) -> bool:
    number = _as_number(value)
    return bool(value) if number is None else bool(number)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _some(value: Any) -> str:
    try:
        text = _shown(value)
    except ValueError:
        return "a number of thousands of digits"
    return repr(text if len(text) <= 40 else text[:40] + "...")  # noqa: PLR2004 - a line's part

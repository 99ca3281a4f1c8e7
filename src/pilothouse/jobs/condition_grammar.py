"""The grammar of conditions: from text to a tree (spec section 4.9, D28).

From the tightest to the loosest: unary minus; ``* /``; ``+ -``; file tests ``-f -d -e -l``; comparisons; ``not``;
``and``; ``or``. Operators of one level associate to the left. Words in any case.
"""

import re
from typing import Final

import msgspec

from pilothouse.errors import UsageError

_DEEPEST: Final = 50
_LONGEST: Final = 20_000

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)*(?!\w|\.))
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<variable>\$\{[ \t]*[^{}\s][^{}]*\}|\$\w+)
    | (?P<test>-[fdel](?!\w))
    | (?P<sign>==|!=|>=|<=|[=<>()+*/-])
    | (?P<word>[A-Za-z_]\w*)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_KINDS: Final = ("number", "text", "variable", "test", "sign", "word", "end")
_COMPARISONS: Final = frozenset(
    {"=", "==", "!=", ">=", "<=", "<", ">", "contains", "startswith", "matches", "in"},
)
_OPERAND: Final = "a number, a quoted text, a variable ($NAME), a file test (-f -d -e -l), not or ("


class ConditionError(UsageError):
    """A condition that cannot be read, or that asks for something that cannot be worked out.

    ``column`` counts characters from 1; ``found`` says what stands there, ``allowed`` what may.
    """

    def __init__(self, text: str, column: int, found: str, allowed: str) -> None:
        self.text = text
        self.column = column
        self.found = found
        self.allowed = allowed
        super().__init__(f"condition {shortened(text)} at column {column}: {found}; allowed: {allowed}")


class Literal(msgspec.Struct, frozen=True):
    """A number as it is written."""

    text: str


class Text(msgspec.Struct, frozen=True):
    """A quoted text or a variable; references in it are expanded."""

    text: str
    variable: bool = False


class Negative(msgspec.Struct, frozen=True):
    """A number turned round."""

    operand: "Tree"
    column: int


class FileTest(msgspec.Struct, frozen=True):
    """A question about a path on the runner: ``f`` file, ``d`` folder, ``e`` anything, ``l`` symbolic link."""

    letter: str
    operand: "Tree"


class Link(msgspec.Struct, frozen=True):
    """An operator with what stands to its right."""

    operator: str
    operand: "Tree"
    column: int


class Chain(msgspec.Struct, frozen=True):
    """Operators of one level, applied from the left."""

    first: "Tree"
    links: tuple[Link, ...]


class Not(msgspec.Struct, frozen=True):
    """The contrary."""

    operand: "Tree"


class Every(msgspec.Struct, frozen=True):
    """True when all are; what follows the first false one is not looked at."""

    operands: "tuple[Tree, ...]"


class Either(msgspec.Struct, frozen=True):
    """True when one is; what follows the first true one is not looked at."""

    operands: "tuple[Tree, ...]"


Tree = Literal | Text | Negative | FileTest | Chain | Not | Every | Either


class _Token(msgspec.Struct, frozen=True):
    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else shortened(self.text)


def parse(text: str) -> Tree:
    """Return the tree of a condition, read to its end. Raises ConditionError, and nothing else."""
    if len(text) > _LONGEST:
        raise ConditionError(text, _LONGEST, f"{len(text)} characters", f"up to {_LONGEST} characters")
    tokens = _Tokens(text)
    tree = _either(tokens, 0)
    tokens.finish()
    if isinstance(tree, Literal | Text | Negative):
        raise ConditionError(text, 1, "a value alone", 'a comparison, such as $NAME == "value"')
    return tree


def shortened(text: str) -> str:
    """Return a text as errors and logs show it: quoted, on one line, cut to a line's part."""
    return repr(text if len(text) <= 80 else text[:80] + "...")  # noqa: PLR2004 - a line's part


class _Tokens:
    """The text as tokens, read one by one with a look ahead of one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._place = 0
        self.next = self._read()

    def take(self) -> _Token:
        taken = self.next
        if taken.kind != "end":
            self.next = self._read()
        return taken

    def sign(self, signs: frozenset[str]) -> _Token | None:
        """Take the next token if it is one of these operators."""
        if self.next.kind in {"sign", "word"} and self.next.text.lower() in signs:
            return self.take()
        return None

    def fault(self, token: _Token, allowed: str) -> ConditionError:
        return ConditionError(self.text, token.column, token.shown, allowed)

    def finish(self) -> None:
        if self.next.kind != "end":
            raise self.fault(self.next, "an operator, and, or, or the end")

    def deeper(self, depth: int) -> int:
        if depth >= _DEEPEST:
            raise ConditionError(self.text, self.next.column, "a deeper level", f"up to {_DEEPEST} levels")
        return depth + 1

    def _read(self) -> _Token:
        match = _TOKEN.match(self.text, self._place)
        if match is None:
            column = self._place + len(self.text[self._place :]) - len(self.text[self._place :].lstrip(" \t\r\n")) + 1
            raise ConditionError(self.text, column, shortened(self.text[column - 1]), _OPERAND)
        self._place = match.end()
        kind = next(name for name in _KINDS if match[name] is not None)
        return _Token(kind, match[kind], match.start(kind) + 1)


def _either(tokens: _Tokens, depth: int) -> Tree:
    operands = [_every(tokens, depth)]
    while tokens.sign(frozenset({"or"})):
        operands.append(_every(tokens, depth))
    return operands[0] if len(operands) == 1 else Either(tuple(operands))


def _every(tokens: _Tokens, depth: int) -> Tree:
    operands = [_not(tokens, depth)]
    while tokens.sign(frozenset({"and"})):
        operands.append(_not(tokens, depth))
    return operands[0] if len(operands) == 1 else Every(tuple(operands))


def _not(tokens: _Tokens, depth: int) -> Tree:
    if tokens.sign(frozenset({"not"})):
        return Not(_not(tokens, tokens.deeper(depth)))
    return _chain(tokens, depth, _COMPARISONS)


def _chain(tokens: _Tokens, depth: int, operators: frozenset[str]) -> Tree:
    below = _BELOW[operators]
    first = below(tokens, depth)
    links = []
    while operator := tokens.sign(operators):
        links.append(Link(operator.text.lower(), below(tokens, depth), operator.column))
    return Chain(first, tuple(links)) if links else first


def _compared(tokens: _Tokens, depth: int) -> Tree:
    """Read a side of a comparison; a file test reaches over a sum, so that paths can be put together."""
    if tokens.next.kind == "test":
        letter = tokens.take().text[1]
        return FileTest(letter, _chain(tokens, tokens.deeper(depth), _SUMS))
    return _chain(tokens, depth, _SUMS)


def _product(tokens: _Tokens, depth: int) -> Tree:
    return _chain(tokens, depth, _PRODUCTS)


def _primary(tokens: _Tokens, depth: int) -> Tree:
    token = tokens.take()
    match token.kind, token.text:
        case "number", text:
            return Literal(text)
        case "text", text:
            return Text(text[1:-1])
        case "variable", text:
            return Text(text, variable=True)
        case "sign", "-":
            return Negative(_primary(tokens, tokens.deeper(depth)), token.column)
        case "sign", "(":
            tree = _either(tokens, tokens.deeper(depth))
            if not (tokens.next.kind == "sign" and tokens.next.text == ")"):
                raise tokens.fault(tokens.next, "an operator, and, or, or )")
            tokens.take()
            return tree
    if token.kind == "word":
        raise tokens.fault(token, f"{_OPERAND}; texts are quoted")
    raise tokens.fault(token, _OPERAND)


_SUMS: Final = frozenset("+-")
_PRODUCTS: Final = frozenset("*/")
_BELOW: Final = {_COMPARISONS: _compared, _SUMS: _product, _PRODUCTS: _primary}

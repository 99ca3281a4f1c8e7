"""A text of SQL taken apart into statements, as each kind of database writes them. Pure."""

import re
import sqlite3
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

Dialect = Literal["postgresql", "mysql", "sqlite"]
_PLAIN: Final = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\""
_BLOCK: Final = r"/\*.*?\*/"
_PARTS: Final[dict[Dialect, str]] = {
    "postgresql": rf"(?P<comment>--[^\n]*|{_BLOCK})"
    rf"|(?P<text>\b[eE]'(?:[^'\\]|\\.|'')*'|(?<![\w$])\$(?P<tag>[^\W\d]\w*)?\$.*?\$(?(tag)(?P=tag))\$|{_PLAIN})",
    "mysql": rf"(?P<comment>--(?:[ \t\r][^\n]*)?(?=\n|\Z)|\#[^\n]*|{_BLOCK})"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`)",
    "sqlite": rf"(?P<comment>--[^\n]*|{_BLOCK})|(?P<text>{_PLAIN}|`[^`]*`|\[[^\]]*\])",
}
_DELIMITER: Final = re.compile(r"[ \t]*delimiter[ \t]+(?P<word>\S+)[ \t]*(?:\r?\n|\Z)", re.IGNORECASE)
_HINT: Final = "/*!"


class Statement(msgspec.Struct, frozen=True):
    """One statement without its delimiter, and the line of the file that it begins on."""

    text: str
    line: int


def statements(text: str, dialect: Dialect) -> Iterator[Statement]:
    """Yield the statements of a text. The last needs no delimiter; texts of mere comments are none."""
    delimiter = ";"
    start = position = 0
    code = False
    while True:
        if dialect == "mysql" and not code and (changed := _DELIMITER.match(text, _line_start(text, position))):
            delimiter, start, position = changed["word"], changed.end(), changed.end()
            continue
        found = _finder(dialect, delimiter).search(text, position)
        end = found.start() if found else len(text)
        code = code or bool(text[position:end].strip())
        if found is not None and found["end"] is None:
            # what MySQL calls a hint is code in the clothes of a comment
            code = code or found["text"] is not None or found[0].startswith(_HINT)
            position = found.end()
            continue
        if found is not None and dialect == "sqlite" and not sqlite3.complete_statement(text[start : found.end()]):
            position = found.end()
            continue
        if code:
            yield _statement(text, start, end)
        if found is None:
            return
        start = position = found.end()
        code = False


def _finder(dialect: Dialect, delimiter: str) -> re.Pattern[str]:
    return re.compile(rf"{_PARTS[dialect]}|(?P<end>{re.escape(delimiter)})", re.DOTALL)


def _line_start(text: str, position: int) -> int:
    """Return where the next line with something on it begins, from a place with nothing before it on its line."""
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _statement(text: str, start: int, end: int) -> Statement:
    body = text[start:end]
    skipped = len(body) - len(body.lstrip())
    return Statement(body.strip(), text.count("\n", 0, start + skipped) + 1)

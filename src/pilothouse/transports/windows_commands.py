"""Command lines for Windows machines, as documented (spec sections 6.2 to 6.5). Pure.

What is built is one line for ``cmd.exe``: steps joined by ``&``, the program last, so that its exit code counts.
"""

import ntpath
import re
from collections.abc import Iterable
from typing import Final

from pilothouse.errors import TargetError

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:\\=,@+-]+\Z")
_SIGNS: Final = re.compile(r'([()%!^"<>&|])')
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_BACKSLASHES: Final = re.compile(r'(\\*)("|\Z)')
_POLICY: Final = 'powershell -Command "Set-ExecutionPolicy -Force RemoteSigned"'
# interpreter: what stands before the file, once per documented row; the first word is the program
_STARTS: Final[dict[str, tuple[str, ...]]] = {
    "bash": ("bash",),
    "sh": ("sh",),
    "csh": ("csh",),
    "ksh": ("ksh",),
    "perl": ("perl",),
    "python": ("python",),
    "ruby": ("ruby",),
    "javascript": ("node",),
    "cmd": ("cmd", "/c"),
    "powershell": ("powershell", "-f"),
    "vbscript": ("cscript",),
}


def command_line(
    folder: str,
    interpreter: str,
    file: str,
    words: Iterable[str] = (),
    environment: Iterable[tuple[str, str]] = (),
) -> str:
    """Return the line that runs a script in a folder; ``words`` are its options and arguments, already in style.

    Raises TargetError for what no such line can carry.
    """
    steps = [f"cd /d {quote(folder)}"]
    steps += [_assignment(name, value) for name, value in environment]
    if interpreter == "powershell" and _has_extension(file):
        steps.append(_POLICY)
    steps.append(" ".join(quote(word) for word in (*start(interpreter, file), *words)))
    return " & ".join(steps)


def start(interpreter: str, file: str) -> tuple[str, ...]:
    """Return the words that run a file. Raises TargetError for an interpreter that Windows does not have."""
    try:
        found = _STARTS[interpreter]
    except KeyError:
        allowed = ", ".join(_STARTS)
        raise TargetError(f"interpreter {interpreter!r} cannot be used on Windows; allowed: {allowed}") from None
    if interpreter == "powershell" and not _has_extension(file):
        found = found[:1]
    return (*found, file)


def prepare(folder: str) -> str:
    """Return the line that makes a folder, and does nothing when it is there."""
    return f"if not exist {quote(folder)} mkdir {quote(folder)}"


def remove(folder: str) -> str:
    """Return the line that removes a folder with everything in it."""
    return f"rd /s /q {quote(folder)}"


def with_extension(folder: str, tool: str, extension: str) -> str:
    """Return the line that gives a tool the extension by which Windows knows its kind."""
    return f"cd /d {quote(folder)} & copy /y {quote(tool)} {quote(tool + extension)} >NUL"


def quote(text: str) -> str:
    """Quote one word so that ``cmd.exe`` hands it on as it is, whatever signs it holds.

    Raises TargetError for line ends and NUL, which end every command line.
    """
    if re.search(r"[\r\n\0]", text):
        raise TargetError("a text with a line end or NUL cannot be handed to a command on Windows; use a file")
    if _PLAIN.match(text):
        return text
    # as the programs' own start-up code reads it: backslashes count only before a quotation mark
    quoted = '"' + _BACKSLASHES.sub(_doubled, text) + '"'
    # inside quotation marks cmd.exe still expands %x% and !x!, and loses count when the text has marks of its own
    return _escaped(quoted) if re.search(r'["%!]', text) else quoted


def _doubled(match: re.Match[str]) -> str:
    return match[1] * 2 + ('\\"' if match[2] else "")


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"^\1", text)


def _assignment(name: str, value: str) -> str:
    if not _VARIABLE.match(name):
        raise TargetError(f"environment variable {name!r} cannot be set; use letters, digits and '_'")
    if re.search(r"[\r\n\0]", value):
        raise TargetError(f"environment variable {name!r} cannot hold a line end or NUL on Windows")
    # no quotation marks of ours: they would become part of the value
    return f"set {name}={_escaped(value)}"


def _has_extension(file: str) -> bool:
    return bool(ntpath.splitext(file)[1])

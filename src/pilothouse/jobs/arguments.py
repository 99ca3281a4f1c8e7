"""The command line of an operation: words as the program gets them, and as logs may show them.

Values reach the program byte for byte; no shell ever expands them (spec section 2.6, 6.2, D23).
"""

import contextlib
import json
import shlex
from collections.abc import Callable
from typing import Any, Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.document import Operation
from pilothouse.jobs.references import Scope, as_text, expand, expand_value
from pilothouse.jobs.secret import MASK, mask_assignments

_JSON: Final = frozenset({"json", "node", "multiselect", "checkbox"})
_SECRET: Final = frozenset({"password", "account"})
_PATHS: Final = frozenset({"file", "filepath"})

Opener = Callable[[str], str]
"""Turns a secret as documents write it (``{RC4}...``, ``{AESGCM}...`` or plain) into its text."""


class Word(msgspec.Struct, frozen=True):
    """One word of a command line; ``shown`` is what logs may show of it."""

    text: str
    shown: str


class Value(msgspec.Struct, frozen=True):
    """A resolved value: ``text`` for the program, ``shown`` for logs, ``paths`` when files are meant."""

    text: str
    shown: str
    secret: bool = False
    paths: tuple[str, ...] = ()


class CommandLine(msgspec.Struct, frozen=True):
    """Resolved options and arguments, and the words made of them."""

    options: tuple[tuple[str, Value], ...]
    arguments: tuple[Value, ...]
    words: tuple[Word, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """The words for the program."""
        return tuple(word.text for word in self.words)

    @property
    def shown(self) -> str:
        """One line for logs, secrets masked."""
        return " ".join(word.shown if word.shown == MASK else shlex.quote(word.shown) for word in self.words)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret texts on this line, to be masked in every stream."""
        return tuple(value.text for _, value in self._all() if value.secret and value.text)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files (relative to the run folder) that values of type file and filepath name."""
        return tuple(path for _, value in self._all() for path in value.paths)

    def _all(self) -> tuple[tuple[str, Value], ...]:
        return (*self.options, *(("", value) for value in self.arguments))


def command_line(operation: Operation, scope: Scope, style: str, opener: Opener, *, on_target: bool) -> CommandLine:
    """Resolve and write out an operation's options and arguments, in document order.

    Raises UnresolvedReferenceError, and UsageError for a value that no program can be given.
    """
    options = tuple(
        (option.name, resolve(option.value, type_of(option.name, option.type), scope, opener, on_target=on_target))
        for option in operation.options
        if option.value is not None and option.value != ""
    )
    arguments = tuple(
        resolve(argument.value, argument.type, scope, opener, on_target=on_target) for argument in operation.arguments
    )
    types = {option.name: option.type for option in operation.options}
    words = [word for name, value in options for word in option_words(name, value, types[name], style)]
    words += [Word(value.text, value.shown) for value in arguments]
    return CommandLine(options, arguments, tuple(words))


def type_of(name: str, declared: str) -> str:
    """Return the type that counts: names ending in ``account`` are secret whatever is declared."""
    return "account" if name.endswith("account") and declared not in _SECRET else declared


def resolve(value: Any, kind: str, scope: Scope, opener: Opener, *, on_target: bool) -> Value:
    """Return the value as its type wants it: references expanded, secrets opened, JSON written out."""
    resolved = _resolve(value, kind, scope, opener, on_target=on_target)
    if "\0" in resolved.text:
        raise UsageError(f"a value of type {kind} has a NUL character, which no command line can carry; leave it out")
    return resolved


def _resolve(value: Any, kind: str, scope: Scope, opener: Opener, *, on_target: bool) -> Value:
    if value is None:
        return Value("", "")
    if kind in _SECRET:
        return Value(opener(expand(as_text(value), scope)), MASK, secret=True)
    if kind == "textarea":
        text = expand(as_text(value), scope).replace("\n", "\\n")
        return Value(text, mask_assignments(text))
    if kind in _JSON:
        text = as_text(expand_value(value, scope))
        return Value(text, text)
    if kind in _PATHS:
        return _files(value, scope, on_target=on_target)
    text = expand(as_text(value), scope)
    return Value(text, text)


def _files(value: Any, scope: Scope, *, on_target: bool) -> Value:
    """Return a path, or a list of paths joined by commas; on targets they lie in the folder ``file``."""
    found = expand_value(value, scope)
    if isinstance(found, str) and found.startswith("["):
        with contextlib.suppress(ValueError):
            found = json.loads(found)
    paths = found if isinstance(found, list) else [found] if found != "" else []
    for path in paths:
        if not isinstance(path, str):
            raise UsageError(f"file {as_text(path)} is an id of a control server; name a path below the run folder")
    names = [f"file/{path.rstrip('/').rpartition('/')[2]}" for path in paths] if on_target else paths
    return Value(",".join(names), ",".join(paths), paths=tuple(paths))


def option_words(name: str, value: Value, kind: str, style: str) -> list[Word]:
    """Return the words of one option in an interpreter's style (spec section 6.2)."""
    if kind == "switch":
        return [Word(_key(name, style), _key(name, style))] if value.text.lower() in {"true", "1"} else []
    if not value.text:
        return []
    key = _key(name, style)
    if style in {"cmd", "vbscript"}:
        return [Word(f"{key}:{value.text}", f"{key}:{value.shown}")]
    return [Word(key, key), Word(value.text, value.shown)]


def _key(name: str, style: str) -> str:
    if style in {"cmd", "vbscript"}:
        return f"/{name}"
    if style == "powershell" or len(name) == 1:
        return f"-{name}"
    return f"--{name}"

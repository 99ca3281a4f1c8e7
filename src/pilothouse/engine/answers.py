"""Answering the questions of interactive operations from outside their engine (spec section 4.12). Blocking."""

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.engine.journal_rows import QuestionRow
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import RefusedError, UsageError

_CHOICES: Final = frozenset({"button", "select"})
_SEVERAL: Final = "mselect"
# a line of at most this many bytes enters a pipe whole or not at all
_LONGEST: Final = 4096


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question that waits for its answer; ``kind`` is button, select, mselect or input."""

    phase: str
    resource_id: int
    node: str
    asked: float
    kind: str
    title: str
    message: str
    options: tuple[str, ...]
    role: str
    pipe: str

    @property
    def wording(self) -> str:
        """What is asked, in one line."""
        return " ".join((self.message or self.title or "a question").split())


def question_of(row: QuestionRow) -> Question:
    """Return a recorded question as a value; members that an operation left out are empty."""
    found = json.loads(row.interact)
    return Question(
        phase=row.phase,
        resource_id=row.resource_id,
        node=row.key,
        asked=row.asked,
        kind=str(found.get("opType") or "input"),
        title=str(found.get("title") or ""),
        message=str(found.get("message") or ""),
        options=options_of(found),
        role=str(found.get("role") or ""),
        pipe=str(found.get("pipeFile") or ""),
    )


def options_of(interact: dict[str, Any]) -> tuple[str, ...]:
    """Return the answers that a question offers; they may be texts, or objects with a ``value``."""
    given = interact.get("options")
    items = given if isinstance(given, list) else []
    return tuple(str(item.get("value", "")) if isinstance(item, dict) else str(item) for item in items)


def checked(question: Question, value: str) -> str:
    """Return the value as the operation reads it; raises UsageError when the question does not allow it."""
    if "\n" in value or "\0" in value:
        raise UsageError("an answer is one line of text")
    if question.kind in _CHOICES:
        _allow([value], question)
        return value
    if question.kind == _SEVERAL:
        chosen = _several(value)
        _allow(chosen, question)
        return json.dumps(chosen, ensure_ascii=False)
    return value


def deliver(space: Workspace, question: Question, value: str, user: str) -> None:
    """Write a checked value into the question's pipe.

    Raises RefusedError when the pipe lies outside the job's folder, is none, or nobody reads from it.
    """
    line = f"[{user.replace(']', '')}]# {value}\n".encode()
    if len(line) > _LONGEST:
        raise UsageError(f"an answer has at most {_LONGEST} bytes, with the name of who gives it")
    path = _confined(space, question.pipe)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RefusedError(f"the operation does not read its answer at {path}: {error.strerror}; try again") from None
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            raise RefusedError(f"{path} is no pipe, so no answer is written there")
        os.write(descriptor, line)
    except BlockingIOError:
        raise RefusedError(f"the pipe {path} is full: the operation does not read; see its log") from None
    finally:
        os.close(descriptor)


def _several(value: str) -> list[str]:
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        found = value.split(",")
    items = found if isinstance(found, list) else [value]
    return [str(item).strip() for item in items if str(item).strip()]


def _allow(chosen: list[str], question: Question) -> None:
    wrong = [item for item in chosen if item not in question.options]
    if wrong or not chosen:
        allowed = ", ".join(question.options) or "nothing; the question offers no options"
        raise UsageError(f"{', '.join(map(repr, wrong)) or 'nothing'} is no answer to this; allowed: {allowed}")


def _confined(space: Workspace, pipe: str) -> Path:
    root = space.root.resolve()
    path = root / pipe
    place = path.parent.resolve() / path.name
    if not pipe or root not in place.parents:
        raise RefusedError(f"{pipe or 'no path'!r} lies outside the job's folder {root}; no answer is written there")
    return place

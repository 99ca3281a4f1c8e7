"""What an operator is asked, and which answers count. Pure."""

import json
import re
from typing import Any, Final, Literal

import msgspec

from pilothouse.errors import UsageError

Form = Literal["button", "select", "mselect", "input"]
FORMS: Final[tuple[Form, ...]] = ("button", "select", "mselect", "input")
FORCE_EXIT: Final = "force-exit"
_ANSWER: Final = re.compile(r"(?:\[(?P<user>[^\]]*)\]# ?)?(?P<value>.*)", re.DOTALL)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: ``options`` are the answers to choose from, ``role`` who may give one (the pages see to it)."""

    message: str
    form: Form = msgspec.field(default="button", name="opType")
    title: str = ""
    options: tuple[str, ...] = ()
    role: str = ""

    def described(self, pipe: str) -> dict[str, Any]:
        """Return the ``interact`` object that pages and the engine are told."""
        return {
            "title": self.title,
            "opType": self.form,
            "message": self.message,
            "options": list(self.options),
            "role": self.role,
            "pipeFile": pipe,
        }


class Answer(msgspec.Struct, frozen=True):
    """What was answered, and by whom if the page said; a list for several choices."""

    value: str | list[str]
    user: str = ""


class InvalidAnswerError(UsageError):
    """The answer is none of those that were asked for; the question stays open."""


def read_answer(line: str, question: Question) -> Answer | None:
    """Return the answer in a line like ``[user]# value``; None when the operator gave up.

    Raises InvalidAnswerError saying what is allowed.
    """
    match = _ANSWER.fullmatch(line.strip("\r\n"))
    user, value = (match["user"] or "", match["value"].strip()) if match else ("", line)
    if value == FORCE_EXIT:
        return None
    if question.form == "mselect":
        return Answer(_choices(value, question.options), user)
    if question.form != "input" and value not in question.options:
        raise InvalidAnswerError(f"{value!r} is no answer; allowed: {', '.join(question.options)}")
    return Answer(value, user)


def read_options(text: str) -> tuple[str, ...]:
    """Return the choices of a JSON list, or of a list separated by commas. Raises UsageError."""
    if not text.strip().startswith("["):
        return tuple(part for item in text.split(",") if (part := item.strip()))
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"the options are no JSON list: {error}") from None
    return tuple(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in found)


def _choices(text: str, allowed: tuple[str, ...]) -> list[str]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not found or any(item not in allowed for item in found):
        raise InvalidAnswerError(f"{text!r} is no answer; allowed: a JSON list of some of: {', '.join(allowed)}")
    return found

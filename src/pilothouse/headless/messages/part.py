"""What all messages are made of: how fields are called on the wire, and the words that several of them use."""

from typing import Annotated, Final, Literal

import msgspec

from pilothouse.headless import limits

TEXT: Final = "#text"
NAME: Final = "#name"
CHILDREN: Final = "#children"

_RENAMED: Final = {
    "text": TEXT,
    "scram": "#scram",
    "kdf": "#kdf",
    "from_": "from",
    "type_": "type",
    "job_count": "jobs",
}
_LISTS: Final = frozenset({"jobs", "params", "statuses"})


def wire_name(field: str) -> str:
    """Return what a field is called on the wire; names with ``#`` are no attributes."""
    return CHILDREN if field in _LISTS else _RENAMED.get(field, field.replace("_", "-"))


def _tag(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


class Part(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True, tag=_tag, tag_field=NAME):
    """What an element carries; attributes that nobody knows are ignored."""


AuthType = Literal["osuser", "challenge"]
Purpose = Literal["run", "enrol"]
Events = Literal["end", "all"]
OnError = Literal["stop", "continue"]
Level = Literal["debug", "info", "warn", "error"]
Stream = Literal["stdout", "stderr"]
JobWord = Literal["waiting", "running", "ok", "failed", "skipped", "cancelled"]
LiveState = Literal["queued", "starting", "running", "cancelling"]
EndState = Literal["ok", "failed", "cancelled", "expired", "lost"]
SessionState = Literal[LiveState, EndState]
Mode = Literal["graceful", "force"]

Name = Annotated[str, msgspec.Meta(max_length=limits.NAME)]
Label = Annotated[str, msgspec.Meta(max_length=limits.LABEL)]
Wait = Annotated[str, msgspec.Meta(pattern=r"^(none|-1|[0-9]{1,10})$")]

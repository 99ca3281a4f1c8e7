"""PURE: how much of everything, and how long it is kept (headless 12, 13.2, 17). Sizes are bytes, times seconds."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.headless.shim.layout import Limits

DAY: Final = 86400.0
REQUEST_MEMORY: Final = DAY


class Bounds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the whole server allows; a user's and a module's own limits can only narrow those of a session."""

    max_sessions: int = 64
    per_user: int = 8
    queue: int = 256
    queue_ttl: float = 3600.0
    connections: int = 512
    connections_per_address: int = 32
    half_open: int = 64
    keep_sessions: float = 30 * DAY
    keep_spools: float = 14 * DAY
    keep_audit: float = 400 * DAY


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one session may use; 0 is no limit."""

    memory: int = 2 << 30
    cpu: int = 3600
    files: int = 256
    processes: int = 64
    file_size: int = 1 << 30
    runtime: float = DAY
    output: int = 64 << 20
    grace: float = 30.0


class Load(msgspec.Struct, frozen=True):
    """How many sessions there are now."""

    running: int
    queued: int
    of_user: int


def full(bounds: Bounds, load: Load) -> str:
    """Return why no further session may be accepted, '' when one may."""
    if load.of_user >= bounds.per_user:
        return f"{load.of_user} sessions of this user are alive already"
    if load.running >= bounds.max_sessions and load.queued >= bounds.queue:
        return f"{load.queued} sessions wait already"
    if load.queued >= bounds.queue:
        return f"{load.queued} sessions wait already"
    return ""


def has_slot(bounds: Bounds, running: int) -> bool:
    """Whether one more session may run."""
    return running < bounds.max_sessions


def narrowed(limits: SessionLimits, *others: Mapping[str, float]) -> Limits:
    """Return the limits of a session: the smallest of each that is named; none can be widened."""
    values = msgspec.structs.asdict(limits)
    for other in others:
        for name, value in other.items():
            if name in values and value > 0:
                values[name] = min(values[name], value) if values[name] else value
    whole = {name: int(value) for name, value in values.items() if name not in {"runtime", "grace"}}
    return Limits(
        memory=whole["memory"],
        cpu=whole["cpu"],
        files=whole["files"],
        processes=whole["processes"],
        file_size=whole["file_size"],
        output=whole["output"],
        runtime=values["runtime"],
        grace=values["grace"],
        line=8192,
        result=65536,
    )


def check(words: Mapping[str, float]) -> dict[str, float]:
    """Return limits of a user or a module as they are given. Raises UsageError."""
    try:
        msgspec.convert(dict(words), SessionLimits, strict=False)
    except msgspec.ValidationError as error:
        names = ", ".join(SessionLimits.__struct_fields__)
        raise UsageError(f"limits: {error}; allowed: {names}, each a number") from None
    return dict(words)


def named_numbers(words: Iterable[str]) -> dict[str, float]:
    """Return limits written as ``name=number``. Raises UsageError."""
    found = {}
    for word in words:
        name, separator, value = word.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            separator = ""
        if not separator or not 0 <= found[name] < float("inf"):
            raise UsageError(f"limit {word!r}: give a name and a number, such as max_sessions=32")
    return found

"""What helper processes and commands may ask of a running engine (spec section 4.8).

Each action is one row of a table: its name, the members of its message, and what it does.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from pilothouse.engine.barrier import RoundBarrier
from pilothouse.engine.control import Control
from pilothouse.engine.locks import GlobalLocks
from pilothouse.engine.questions import Questions
from pilothouse.engine.variables import Variables
from pilothouse.errors import PilothouseError, RefusedError

LARGEST: Final = 8192
"""Bytes of a datagram."""

Reply = dict[str, Any] | None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Those who carry out the actions."""

    control: Control
    questions: Questions
    barrier: RoundBarrier
    variables: Variables
    locks: GlobalLocks
    password: Callable[[str, int], str | None]


class StopListeningError(PilothouseError):
    """Somebody has asked the engine to listen no longer; the job goes on."""


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _WaitInput(_Message, frozen=True):
    phase_name: str
    resource_id: int
    interact: dict[str, Any] | None = None
    clean: bool = False


class _RoundContinue(_Message, frozen=True):
    phase_name: str
    round_no: int = 0


class _Item(_Message, frozen=True):
    value: Any
    name: str = ""
    key: str = ""


class _SetEnv(_Message, frozen=True):
    items: dict[str, Any] | list[_Item]
    only_in_process: bool = False


class _Lock(_Message, frozen=True):
    lock_params: dict[str, Any]


class _LockNotify(_Message, frozen=True):
    lock_id: int | str


class _Node(_Message, frozen=True):
    phase_name: str
    resource_id: int


class _Plain(_Message, frozen=True):
    pass


async def carry_out(desk: Desk, content: bytes) -> Reply:
    """Do what a datagram asks; returns the reply, None when the action has none.

    Raises RefusedError for a datagram that is no message, with a text that says what would be one.
    """
    if len(content) > LARGEST:
        raise RefusedError(f"a datagram of more than {LARGEST} bytes")
    try:
        message = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"no JSON: {error}") from None
    name = message.get("action") if isinstance(message, dict) else None
    action = ACTIONS.get(name) if isinstance(name, str) else None
    if action is None:
        raise RefusedError(f"no message; allowed: a JSON object with an action of {', '.join(ACTIONS)}")
    try:
        fields = msgspec.convert(message, action.message, strict=False)
    except msgspec.ValidationError as error:
        raise RefusedError(f"{name}: {error}") from None
    return await action.work(desk, fields)


async def _wait_input(desk: Desk, message: _WaitInput) -> Reply:
    if message.clean or message.interact is None:
        await desk.questions.answered(message.phase_name, message.resource_id)
    else:
        await desk.questions.ask(message.phase_name, message.resource_id, message.interact)
    return None


async def _round_continue(desk: Desk, message: _RoundContinue) -> Reply:
    desk.barrier.release(message.phase_name, message.round_no)
    return None


async def _set_env(desk: Desk, message: _SetEnv) -> Reply:
    items = message.items
    if not isinstance(items, dict):
        items = {item.name or item.key: item.value for item in items}
    await desk.variables.set_items(items, persist=not message.only_in_process)
    return {"status": "ok"}


async def _lock(desk: Desk, message: _Lock) -> Reply:
    return await desk.locks.carry_out(message.lock_params)


async def _lock_notify(desk: Desk, message: _LockNotify) -> Reply:
    desk.locks.notify(message.lock_id)
    return None


async def _node_password(desk: Desk, message: _Node) -> Reply:
    found = desk.password(message.phase_name, message.resource_id)
    if found is None:
        raise RefusedError(f"nodePassword: phase {message.phase_name!r} has no node {message.resource_id}")
    return {"password": found}


async def _query(_desk: Desk, _: _Plain) -> Reply:
    return {"result": None, "error": "refused: this engine gives nobody access to a database through its socket"}


async def _exit(_desk: Desk, _: _Plain) -> Reply:
    raise StopListeningError


async def _pause(desk: Desk, _: _Plain) -> Reply:
    desk.control.pause()
    return {"status": "ok", "action": "pause"}


async def _abort(desk: Desk, _: _Plain) -> Reply:
    desk.control.abort()
    return {"status": "ok", "action": "abort"}


class Action(NamedTuple):
    """A row of the table; ``work`` gets a value of the type ``message``."""

    message: type[_Message]
    work: Callable[[Desk, Any], Awaitable[Reply]]


ACTIONS: Final[Mapping[str, Action]] = {
    "informNodeWaitInput": Action(_WaitInput, _wait_input),
    "informRoundContinue": Action(_RoundContinue, _round_continue),
    "setEnv": Action(_SetEnv, _set_env),
    "globalLock": Action(_Lock, _lock),
    "globalLockNotify": Action(_LockNotify, _lock_notify),
    "nodePassword": Action(_Node, _node_password),
    "queryCollectDB": Action(_Plain, _query),
    "exit": Action(_Plain, _exit),
    "pause": Action(_Plain, _pause),
    "abort": Action(_Plain, _abort),
}


def failure(content: bytes, error: PilothouseError) -> dict[str, Any]:
    """Return the reply that tells a client what was wrong, in the shape its action documents."""
    if b"globalLock" in content:
        return {"lockId": None, "message": str(error)}
    return {"status": "failed", "error": str(error)}

"""The promises of a partition, run by processes of the partition's user (node spec 13).

>>> async with Runners() as runners:
...     outcome = await check(Order(partition_id="slappart0", folder=folder), runners)
"""

import asyncio
import os
import pwd
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse import __version__
from pilothouse.checks import result
from pilothouse.checks.result import Result
from pilothouse.errors import PilothouseError
from pilothouse.node.promise_runners import Conversation, Runners
from pilothouse.node.promising import discovery

TIMEOUT: Final = 20.0  # seconds for one promise
CONCURRENCY: Final = 4  # promises of one partition at once
_SPARE: Final = 10.0  # seconds for what is not the promises' own work

Say = Callable[[str, str], None]
"""Takes what is logged: a level's name and a text."""


def _silence(_level: str, _text: str) -> None:
    return


class PromiseError(PilothouseError):
    """The promises of a partition could not be run."""

    def __init__(self, partition_id: str, why: str) -> None:
        self.partition_id = partition_id
        self.why = why
        super().__init__(f"promises of {partition_id}: {why}")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which promises are to be run, and how; times are in seconds.

    ``software`` is the folder of the partition's release, whose Python runs the promises when there are plugins.
    ``forced`` runs also those that are not due yet.
    """

    partition_id: str
    folder: Path
    software: Path | None = None
    anomaly: bool = False
    forced: bool = True
    can_bang: bool = True
    timeout: float = TIMEOUT
    concurrency: int = CONCURRENCY
    computer_id: str = ""
    master_url: str = ""
    certificate: str | None = None
    key: str | None = None
    debug: bool = False


class Found(msgspec.Struct, frozen=True):
    """What one promise found; ``fresh`` is false for a failure that is remembered because its check is not due."""

    name: str
    result: Result
    fresh: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """What the promises of a partition found, in their order; ``bang`` is what the master is to be told, if anything.

    ``skipped`` counts those that did not need to be checked.
    """

    found: tuple[Found, ...]
    skipped: int = 0
    bang: str | None = None

    @property
    def failure(self) -> str | None:
        """The text of the first failure, as masters and logs get it; None when all promises are kept."""
        return next((failure_text(each) for each in self.found if each.result.failed), None)


def failure_text(found: Found) -> str:
    """Return a failed promise in the documented words."""
    return f"Promise '{found.name}' failed with output: {found.result.message}"


async def check(order: Order, runners: Runners, say: Say = _silence) -> Outcome:
    """Run the promises of one partition, and return what they found.

    Nothing of a promise is left running, also when this is cancelled. Raises PromiseError when they could not be run.
    """
    programs = await asyncio.to_thread(_count, order.folder)
    say("INFO", f"Checking {order.partition_id} promises...")
    if not programs:
        return Outcome(())
    try:
        async with asyncio.timeout(programs * order.timeout + _SPARE):
            return await _run(order, runners, say)
    except TimeoutError:
        raise PromiseError(order.partition_id, f"{programs} promises had not ended after the time of all") from None
    except OSError as error:
        raise PromiseError(order.partition_id, f"{error.filename or 'the process'}: {error.strerror}") from None


def _count(folder: Path) -> int:
    promises, bad = discovery.found(str(folder))
    return len(promises) + len(bad)


async def _run(order: Order, runners: Runners, say: Say) -> Outcome:
    owner = order.folder.stat()
    python = await asyncio.to_thread(interpreter, order)
    request = _request(order, owner)
    if python:
        say("INFO", f"Switching to {order.partition_id}'s python at {python}")
    listener = _Listener(say)
    async with runners.conversation(python, request) as conversation:
        await listener.listen(conversation)
    if listener.broken or not listener.ended:
        raise PromiseError(
            order.partition_id, listener.broken or f"their process ended early\n{conversation.complaint}"
        )
    if conversation.complaint.strip():
        say("WARNING", f"Unexpected promise runner output:\n{conversation.complaint.strip()}")
    if listener.skipped:
        say("INFO", f"{listener.skipped} promises didn't need to be checked.")
    names = {found.name: place for place, found in enumerate(discovery.found(str(order.folder))[0])}
    in_order = sorted(listener.found, key=lambda found: names.get(found.name, len(names)))
    return Outcome(tuple(in_order), listener.skipped, listener.bang)


def interpreter(order: Order) -> str | None:
    """Return the Python of the partition's release where plugins need it, None for our own (node spec 13.3)."""
    if order.software is None or not discovery.plugin_names(str(order.folder)):
        return None
    with suppress(OSError, UnicodeDecodeError), (order.software / "bin" / "buildout").open(encoding="utf-8") as stream:
        first, second = (stream.readline().split() for _ in range(2))
        if first and first[0].startswith("#!"):
            named = first[0][2:] or (first[1] if len(first) > 1 else "")
            if named != "/bin/sh":
                return named
            if second[:1] == ["exec"] and len(second) > 1:
                return second[1].strip("\"'")
    return None


def _request(order: Order, owner: os.stat_result) -> dict[str, Any]:
    try:
        user = pwd.getpwuid(owner.st_uid)
        name, home = user.pw_name, user.pw_dir
    except KeyError:
        name, home = "", str(order.folder)
    return {
        "partition": str(order.folder),
        "uid": owner.st_uid,
        "gid": owner.st_gid,
        "user": name,
        "home": home,
        "anomaly": order.anomaly,
        "forced": order.forced,
        "can_bang": order.can_bang,
        "timeout": order.timeout,
        "concurrency": order.concurrency,
        "config": {
            "debug": order.debug,
            "master-url": order.master_url,
            "partition-cert": order.certificate,
            "partition-key": order.key,
            "partition-id": order.partition_id,
            "computer-id": order.computer_id,
            "slapgrid-version": __version__,
        },
    }


class _Listener:
    """What a runner has said so far."""

    def __init__(self, say: Say) -> None:
        self.found: list[Found] = []
        self.skipped = 0
        self.bang: str | None = None
        self.broken = ""
        self.ended = False
        self._say = say

    async def listen(self, conversation: Conversation) -> None:
        async for event in conversation:
            match event:
                case {"event": "log", "level": str(level), "text": str(text)}:
                    self._say(level, text)
                case {"event": "result", "name": str(name), "fresh": bool(fresh), "result": document}:
                    found = result.read(document)
                    if found is not None:
                        self.found.append(Found(name, found, fresh))
                case {"event": "bang", "message": str(message)}:
                    self.bang = self.bang or message
                case {"event": "broken", "text": str(text)}:
                    self.broken = text
                case {"event": "end", "skipped": int(skipped)}:
                    self.skipped, self.ended = skipped, True

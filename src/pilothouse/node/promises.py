"""The promises of a partition, run by processes of the partition's user (node spec 13)."""

import atexit
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from pilothouse.checks import result
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import SoftwarePlace
from pilothouse.node.promise_order import Found, Order, Outcome, interpreter, request_of
from pilothouse.node.promise_runners import Runners
from pilothouse.node.promising import discovery

_log: Final = logging.getLogger("slapos")
_SPARE: Final = 10.0  # seconds for what is not the promises' own work

Say = Callable[[str, str], None]
"""Takes what is logged: a level's name and a text."""


def _silence(_level: str, _text: str) -> None:
    return


class PromiseError(NodeError):
    """The promises of a partition could not be run."""

    def __init__(self, partition_id: str, why: str) -> None:
        self.partition_id = partition_id
        self.why = why
        super().__init__(f"promises of {partition_id}: {why}")


def examine(order: Order, runners: Runners, say: Say = _silence) -> Outcome:
    """Run the promises of one partition, and return what they found.

    Nothing of a promise is left running, whatever happens. Raises PromiseError when they could not be run.
    """
    promises, bad = discovery.found(str(order.folder))
    if not promises and not bad:
        return Outcome(())
    try:
        return _in_order(_listened(order, runners, say, len(promises)), promises)
    except TimeoutError:
        raise PromiseError(order.partition_id, "they had not ended when the time of all of them was over") from None
    except OSError as error:
        raise PromiseError(order.partition_id, f"{error.filename or 'their process'}: {error.strerror}") from None


def _listened(order: Order, runners: Runners, say: Say, promises: int) -> "_Listener":
    python = interpreter(order)
    if python:
        say("INFO", f"Switching to {order.partition_id}'s python at {python}")
    listener = _Listener(say)
    with runners.conversation(python, request_of(order)) as conversation:
        for event in conversation.events(promises * order.timeout + _SPARE):
            listener.hear(event)
    complaint = conversation.complaint.strip()
    if listener.broken or not listener.ended:
        raise PromiseError(order.partition_id, listener.broken or f"their process ended early\n{complaint}".strip())
    if complaint:
        say("WARNING", f"Unexpected promise runner output:\n{complaint}")
    if listener.skipped:
        say("INFO", f"{listener.skipped} promises didn't need to be checked.")
    return listener


def _in_order(listener: "_Listener", promises: list[discovery.Found]) -> Outcome:
    places = {promise.name: place for place, promise in enumerate(promises)}
    found = sorted(listener.found, key=lambda one: places.get(one.name, len(places)))
    return Outcome(tuple(found), listener.skipped, listener.bang)


class _Listener:
    """What a runner has said so far."""

    def __init__(self, say: Say) -> None:
        self.found: list[Found] = []
        self.skipped = 0
        self.bang: str | None = None
        self.broken = ""
        self.ended = False
        self._say = say

    def hear(self, event: object) -> None:
        """Take one event; what is none is passed over, as a plugin may have said it."""
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


class _Node(Protocol):
    """What promises need to know of the node; a node's configuration has it."""

    @property
    def computer_id(self) -> str: ...
    @property
    def master_url(self) -> str: ...
    @property
    def software_root(self) -> Path: ...
    @property
    def certificate_repository_path(self) -> Path | None: ...


class _Place(Protocol):
    """Where the partition is."""

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> Path: ...


class _Partition(Protocol):
    """The partition at its master."""

    def bang(self, message: str) -> None: ...


class _Wanted(Protocol):
    """What the master wants in the partition."""

    @property
    def url(self) -> str | None: ...
    @property
    def partition(self) -> _Partition: ...


class _Examination(Protocol):
    """How promises are run."""

    @property
    def anomaly(self) -> bool: ...
    @property
    def forced(self) -> bool: ...
    @property
    def seconds(self) -> int: ...


@functools.cache
def _shared() -> Runners:
    """Return what all partitions of a pass start their processes from; it ends with this process."""
    made = Runners()
    atexit.register(made.close)
    return made


def check(node: _Node, place: _Place, wanted: _Wanted, examination: _Examination) -> str | None:
    """Run a partition's promises as a pass of the node does; returns the text of the first failure, or None.

    What happens is logged, and the master is banged when a promise asks for it. Raises PromiseError.
    """
    outcome = examine(order_of(node, place, wanted.url, examination), _shared(), _logged)
    if outcome.bang:
        try:
            wanted.partition.bang(outcome.bang)
        except Exception as error:  # noqa: BLE001 - the verdict stands whether or not the master hears the bang
            _log.error("The master could not be told: %s: %s", outcome.bang, error)
    return outcome.failure


def order_of(node: _Node, place: _Place, url: str | None, examination: _Examination) -> Order:
    """Return what a node's pass asks for, in the words of promises."""
    certificates = node.certificate_repository_path
    return Order(
        partition_id=place.name,
        folder=place.folder,
        software=SoftwarePlace(node.software_root, url).folder if url else None,
        anomaly=examination.anomaly,
        forced=examination.forced,
        timeout=examination.seconds,
        computer_id=node.computer_id,
        master_url=node.master_url,
        certificate=str(certificates / f"{place.name}.crt") if certificates else None,
        key=str(certificates / f"{place.name}.key") if certificates else None,
    )


def _logged(level: str, text: str) -> None:
    _log.log(logging.getLevelNamesMapping().get(level, logging.INFO), "%s", text)

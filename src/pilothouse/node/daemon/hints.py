"""What the master's stream of changes says to a node: its events, and which passes they call for. Pure."""

import json
from typing import Any, Final, NamedTuple

LONGEST: Final = 256 * 1024  # bytes of one event; those of a master have a few hundred


class Event(NamedTuple):
    """One event of the stream; ``id`` is the last one given, by which the stream can go on later."""

    kind: str
    data: str
    id: str


class StreamError(Exception):
    """What came is no stream of events."""


class Reader:
    """Cuts bytes into events."""

    def __init__(self, last_id: str = "") -> None:
        self._open = b""
        self._size = 0
        self._kind = ""
        self._data: list[str] = []
        self._id = last_id

    def feed(self, piece: bytes) -> list[Event]:
        """Take some bytes; returns the events that they complete. Raises StreamError for what is too long."""
        *lines, self._open = (self._open + piece).replace(b"\r\n", b"\n").split(b"\n")
        found = [event for line in lines if (event := self._line(line)) is not None]
        if self._size + len(self._open) > LONGEST:
            raise StreamError(f"an event is longer than {LONGEST} bytes")
        return found

    def _line(self, line: bytes) -> Event | None:
        if not line.strip(b"\r"):
            event = Event(self._kind, "\n".join(self._data), self._id) if self._kind or self._data else None
            self._kind, self._data, self._size = "", [], 0
            return event
        self._size += len(line)
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ").rstrip("\r")
        match name:
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value and value.isascii() and value.isprintable():
                self._id = value
        return None


class Hint(NamedTuple):
    """Which passes an event calls for; ``echo``: unless they have just caused it themselves."""

    names: frozenset[str] = frozenset()
    echo: bool = False


def hint(event: Event, computer: str) -> Hint:
    """Return what an event means for this node.

    A node's document moves with everything that it is told, its own reports included. A release that was built is
    waited for by instances; a destroyed instance is emptied by a report.
    """
    said = _said(event)
    if said.get("computer") != computer:
        return Hint()
    match event.kind:
        case "node":
            return Hint(frozenset({"instance"}))
        case "supply" if not said.get("gone"):
            return _of_supply(said.get("state"), said.get("reported"))
        case "instance" if said.get("state") == "destroyed" and not said.get("gone"):
            return Hint(frozenset({"instance", "report"}))
    return Hint()


def _of_supply(state: object, reported: object) -> Hint:
    if reported == "building":
        return Hint()
    if state == "available" == reported:
        return Hint(frozenset({"instance"}))
    return Hint(frozenset({"software"}), echo=reported == "error")


def _said(event: Event) -> dict[str, Any]:
    try:
        said = json.loads(event.data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

"""``/changes``: a stream of what changes, for pages that stay fresh and nodes that wake up (server-sent events).

An event's id is a place in the order of all changes. Who comes back with ``Last-Event-ID`` is told everything since,
each thing once, as it is now. Whoever is cut off for any reason loses nothing by coming back.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage
from msgspec import Meta
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.identity.permissions import unconfined
from pilothouse.server.api.rest.desk import AtDesk, Desk, reading
from pilothouse.server.api.rest.words import Reference
from pilothouse.server.following import Follower, Following
from pilothouse.server.login import LoginError
from pilothouse.server.master import inventory, reach
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError
from pilothouse.store import changes
from pilothouse.store.changes import Change, Cursor
from pilothouse.store.errors import StoreError

HEARTBEAT: Final = 15.0  # seconds of silence; callers are checked again as often
_RETRY: Final = 2000  # milliseconds
_BATCH: Final = 200


class Event(msgspec.Struct, frozen=True):
    """One change, as the data of an event of its kind."""

    kind: Annotated[str, Meta(description="node, instance or supply", examples=["node"])]
    subject: Annotated[str, Meta(description="the node's reference, the instance's guid, the release's address")]
    computer: Reference
    project: str
    state: Annotated[str, Meta(description="what is asked for, of an instance or a release")]
    reported: Annotated[str, Meta(description="what the node said last")]
    revision: Annotated[int, Meta(description="of a node's document, 0 for all else")]
    gone: bool


_DESCRIPTION: Final = """\
Server-sent events. The first event, `hello`, has the id from which the stream goes on; `node` events tell the revision
of a node's document, `instance` and `supply` events the state. A comment comes after fifteen seconds of silence. A
node is told what is on it; a person what is in the project. Come back with `Last-Event-ID` and nothing is missed.
"""


class Stream:
    """One client's stream."""

    def __init__(self, desk: Desk, following: Following, authenticate: Any, request: Request[Any, Any, Any]) -> None:
        self._desk = desk
        self._following = following
        self._authenticate = authenticate
        self._request = request
        self._caller = desk.caller

    async def events(self, since: Cursor | None) -> AsyncIterator[ServerSentEventMessage]:
        """Tell what changes, until the client leaves, falls behind, or may no longer know."""
        now = await self._desk.read(lambda connection, _: changes.last(connection))
        if since is not None and since > now:  # of a database that was replaced since, by a backup or another one
            since = Cursor()
        with self._following.follower(now) as follower:
            yield ServerSentEventMessage(
                data="{}", event="hello", id=str(now if since is None else since), retry=_RETRY
            )
            if since is None and self._caller.kind == "node":
                yield await self._own_node(now)
            if since is not None:
                async for event in self._missed(since, now):
                    yield event
            async for event in self._news(follower):
                yield event

    async def _missed(self, since: Cursor, now: Cursor) -> AsyncIterator[ServerSentEventMessage]:
        place, only = since, _only(self._caller)
        while True:
            start = place
            found = await self._desk.read(
                lambda connection, _: changes.after(connection, start, _BATCH, **only)  # noqa: B023 - read at once
            )
            for change in found:
                if change.cursor <= now:
                    yield _event(change)
            if len(found) < _BATCH or found[-1].cursor > now:
                return
            place = found[-1].cursor

    async def _news(self, follower: Follower) -> AsyncIterator[ServerSentEventMessage]:
        while True:
            try:
                change = await asyncio.wait_for(follower.queue.get(), HEARTBEAT)
            except TimeoutError:
                if not await self._still_may():
                    return
                yield ServerSentEventMessage(comment="still here")
                continue
            if change is None:
                return
            if _concerns(self._caller, change):
                yield _event(change)

    async def _own_node(self, now: Cursor) -> ServerSentEventMessage:
        row = await self._desk.read(lambda connection, caller: inventory.node(connection, caller, caller.name))
        own = Event("node", row.reference, row.reference, row.project, "", "", row.revision, gone=False)
        return ServerSentEventMessage(data=msgspec.json.encode(own).decode(), event="node", id=str(now))

    async def _still_may(self) -> bool:
        """Ask again who calls: tokens and certificates end while streams go on."""
        try:
            found: Caller = await self._authenticate(self._request.scope)
        except LoginError:
            return False
        except StoreError:
            return True
        return found == self._caller


@reading(
    "/changes",
    "Follow changes",
    _DESCRIPTION,
    tags=["changes"],
    media_type="text/event-stream",
    responses={
        200: ResponseSpec(
            Event, generate_examples=False, media_type="text/event-stream", description="A stream of such events"
        )
    },
)
async def follow(
    desk: AtDesk,
    following: NamedDependency[Following],
    authenticate: NamedDependency[Any],
    request: Request[Any, Any, Any],
    last: Annotated[
        str, HeaderParameter(name="Last-Event-ID", description="the id of the last event that is known", max_length=50)
    ] = "",
    last_event_id: Annotated[str, QueryParameter(description="the same, without the header", max_length=50)] = "",
) -> ServerSentEvent:
    """Follow changes."""
    given = last or last_event_id
    since = changes.cursor(given) if given else None
    if given and since is None:
        raise InvalidRequestError("Last-Event-ID: is not the id of an event of this stream")
    await desk.read(_check)
    return ServerSentEvent(Stream(desk, following, authenticate, request).events(since))


def _check(connection: Connection, caller: Caller) -> None:
    if caller.kind == "instance":
        raise ForbiddenError("an instance is told nothing here; ask for its connection")
    if caller.kind == "user":
        reach.reads_lists(connection, caller, "changes")


def _only(caller: Caller) -> dict[str, str]:
    if caller.kind == "node":
        return {"computer": caller.name}
    return {} if unconfined(caller) else {"project": caller.project}


def _concerns(caller: Caller, change: Change) -> bool:
    if caller.kind == "node":
        return change.computer == caller.name
    return unconfined(caller) or change.project == caller.project


def _event(change: Change) -> ServerSentEventMessage:
    data = Event(
        change.kind,
        change.subject,
        change.computer,
        change.project,
        change.state,
        change.reported,
        change.revision,
        gone=bool(change.gone),
    )
    return ServerSentEventMessage(data=msgspec.json.encode(data).decode(), event=change.kind, id=str(change.cursor))


HANDLERS = [follow]

"""``/instances`` and ``/trees``: what was requested, where it is, and what it answers."""

from typing import Annotated, Any, Literal

import msgspec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, changing, creating, reading
from pilothouse.server.api.rest.nodes import Said
from pilothouse.server.api.rest.words import STORABLE, MaybeSeconds, Messages, Next, Reference, Seconds, Url, messages
from pilothouse.server.master import census
from pilothouse.services.instance import InstanceDocument, InstanceRequest, guid_of
from pilothouse.store.instance_pages import Entry
from pilothouse.store.pages import Page

_TAGS = ["instances"]
State = Literal["started", "stopped", "destroyed"]
Guid = Annotated[str, Meta(description="the name that never changes", examples=["SOFTINST-42"])]
Text = Annotated[str, Meta(max_length=200, pattern=STORABLE)]
Values = dict[Text, Annotated[str, Meta(max_length=100_000, pattern=STORABLE)]]


class Instance(msgspec.Struct, frozen=True):
    """One instance as lists show it."""

    guid: Guid
    title: Annotated[str, Meta(examples=["web"])]
    project: str
    owner: Annotated[str, Meta(description="the user who requested it, or its root", examples=["ann"])]
    shared: Annotated[bool, Meta(description="whether another instance hosts it")]
    root: Annotated[str | None, Meta(description="the guid of its tree's root, null for a root")]
    host: Annotated[str | None, Meta(description="the guid of its host, for a shared one")]
    computer: Reference
    partition: Annotated[str, Meta(examples=["slappart0"])]
    software_url: Url
    software_type: Annotated[str, Meta(examples=["default"])]
    asked: Annotated[str, Meta(description="the state that was asked for last", examples=["started"])]
    state: Annotated[str, Meta(description="the state in force: a stopped root stops its tree", examples=["started"])]
    reported: Annotated[str, Meta(description="what its node said last, empty for nothing", examples=["started"])]
    status: str
    status_at: MaybeSeconds
    timestamp: Annotated[float, Meta(description="moves when its node must process it again")]
    created: Seconds


class Instances(msgspec.Struct, frozen=True):
    """Some instances."""

    items: list[Instance]
    next: Next = None


class InstanceDetail(Instance, frozen=True):
    """One instance with all its values."""

    parameters: Annotated[dict[str, str], Meta(examples=[{"size": "3"}])]
    filter: Annotated[dict[str, str], Meta(examples=[{"computer_guid": "COMP-1"}])]
    connection: Annotated[dict[str, str], Meta(description="what it published", examples=[{"url": "https://web/"}])]
    addresses: list[str]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish for an instance; the same title again changes the one that is there."""

    title: Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE, examples=["web"])]
    software_url: Annotated[
        str,
        Meta(
            min_length=1, max_length=2000, pattern=STORABLE, examples=["https://releases.example/web/1.2/software.cfg"]
        ),
    ]
    software_type: Text = ""
    parameters: Values = {}
    filter: Annotated[Values, Meta(description="which nodes will do", examples=[{"computer_guid": "COMP-1"}])] = {}
    state: State | None = None
    shared: bool = False


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state that a tree shall have."""

    state: State


class Connection(msgspec.Struct, frozen=True):
    """What an instance published."""

    values: Annotated[dict[str, str], Meta(examples=[{"url": "https://web/"}])]


@reading(
    "/instances",
    "List instances",
    "What lives in the caller's project; a node's own, for a node. What filters leave out is read all the same: a "
    "page may be short, go on until `next` is null.",
    tags=_TAGS,
)
async def list_instances(  # noqa: PLR0917 - each query parameter is an argument
    desk: AtDesk,
    after: After = "",
    limit: Limit = USUAL,
    computer: Annotated[str, QueryParameter(description="only what is on this node", max_length=200)] = "",
    title: Annotated[str, QueryParameter(description="a part of the title", max_length=200)] = "",
    software_url: Annotated[str, QueryParameter(description="only of this release", max_length=2000)] = "",
    asked_state: Annotated[State | None, QueryParameter(name="state", description="only what is in this state")] = None,
    reported: Annotated[str, QueryParameter(description="only what its node reported so", max_length=20)] = "",
    owner: Annotated[str, QueryParameter(description="only what this user requested", max_length=200)] = "",
    roots: Annotated[bool, QueryParameter(description="only roots of trees")] = False,
    shared: Annotated[bool | None, QueryParameter(description="only shared ones, or only others")] = None,
) -> Instances:
    """List instances."""
    wanted = {
        "software_url": software_url, "state": asked_state, "reported": reported, "owner": owner, "shared": shared
    }  # fmt: skip
    given = {name: value for name, value in wanted.items() if value not in (None, "")}

    def keep(row: Entry) -> bool:
        return (
            title in row.title
            and not (roots and row.root_id is not None)
            and all(getattr(row, name) == value for name, value in given.items())
        )

    chosen = keep if given or title or roots else None
    key = cursors.read(after, int) if computer or desk.caller.kind == "node" else cursors.read(after, str, int)
    return _instances(
        await desk.read(
            lambda connection, caller: census.page(connection, caller, limit, key, chosen, computer=computer)
        )
    )


@creating(
    "/instances",
    "Request an instance",
    "Allocates, changes or finds the caller's instance of this title. It is held by this master, never by another.",
    tags=_TAGS,
    status_code=200,
)
async def request_instance(desk: AtDesk, data: JSONBody[Request]) -> InstanceDetail:
    """Request an instance."""
    asked = InstanceRequest(**msgspec.structs.asdict(data))
    return _detail(
        *await desk.write(lambda connection, caller, now: census.request(connection, caller, asked, now, desk.policy))
    )


@reading("/instances/{guid:str}", "Show an instance", tags=_TAGS)
async def show_instance(desk: AtDesk, guid: FromPath[str]) -> InstanceDetail:
    """Show an instance."""
    return _detail(*await desk.read(lambda connection, caller: census.entry(connection, caller, guid)))


@changing(
    "/instances/{guid:str}",
    "Start, stop or destroy a tree",
    "Asks for the state of a root; all its other values stay.",
    tags=_TAGS,
)
async def change_instance(desk: AtDesk, guid: FromPath[str], data: JSONBody[Wish]) -> InstanceDetail:
    """Start, stop or destroy a tree."""
    return _detail(
        *await desk.write(
            lambda connection, caller, now: census.change(connection, caller, guid, data.state, now, desk.policy)
        )
    )


@creating("/instances/{guid:str}/bang", "Process a tree again", tags=_TAGS, status_code=204)
async def bang_instance(desk: AtDesk, guid: FromPath[str], data: JSONBody[Said]) -> None:
    """Process a tree again."""
    await desk.write(lambda connection, caller, now: census.bang(connection, caller, guid, data.message, now))


@reading("/instances/{guid:str}/connection", "Show what an instance published", tags=_TAGS)
async def show_connection(desk: AtDesk, guid: FromPath[str]) -> Connection:
    """Show what an instance published."""
    _, document = await desk.read(lambda connection, caller: census.entry(connection, caller, guid))
    return Connection(document.connection)


@reading("/instances/{guid:str}/messages", "List what was said of an instance", "The newest first.", tags=_TAGS)
async def instance_messages(desk: AtDesk, guid: FromPath[str], after: After = "", limit: Limit = USUAL) -> Messages:
    """List what was said of an instance."""
    key = cursors.read(after, int)
    return messages(await desk.read(lambda connection, caller: census.words(connection, caller, guid, limit, key)))


@reading("/instances/{guid:str}/shared", "List the shared instances of a host", tags=_TAGS)
async def list_shared(desk: AtDesk, guid: FromPath[str], after: After = "", limit: Limit = USUAL) -> Instances:
    """List the shared instances of a host."""
    key = cursors.read(after, str, int)
    return _instances(await desk.read(lambda connection, caller: census.hosted(connection, caller, guid, limit, key)))


@reading("/trees/{guid:str}", "List what is below a root", "In order of creation, the root not among it.", tags=_TAGS)
async def list_tree(desk: AtDesk, guid: FromPath[str], after: After = "", limit: Limit = USUAL) -> Instances:
    """List what is below a root."""
    key = cursors.read(after, int)
    return _instances(await desk.read(lambda connection, caller: census.tree(connection, caller, guid, limit, key)))


def _instances(page: Page[Entry]) -> Instances:
    return Instances([Instance(**_columns(each)) for each in page.items], cursors.written(page.after))


def _detail(row: Entry, document: InstanceDocument) -> InstanceDetail:
    return InstanceDetail(
        **_columns(row),
        parameters=document.parameters,
        filter=document.filter,
        connection=document.connection,
        addresses=[each.address for each in document.addresses],
    )


def _columns(row: Entry) -> dict[str, Any]:
    return {
        "guid": guid_of(row.id),
        "title": row.title,
        "project": row.project,
        "owner": row.owner,
        "shared": bool(row.shared),
        "root": None if row.root_id is None else guid_of(row.root_id),
        "host": None if row.host_id is None else guid_of(row.host_id),
        "computer": row.computer,
        "partition": row.place,
        "software_url": row.software_url,
        "software_type": row.software_type,
        "asked": row.asked,
        "state": row.state,
        "reported": row.reported,
        "status": row.status_text,
        "status_at": row.status_at,
        "timestamp": row.timestamp,
        "created": row.created,
    }


HANDLERS = [
    list_instances, request_instance, show_instance, change_instance, bang_instance, show_connection,
    instance_messages, list_shared, list_tree,
]  # fmt: skip

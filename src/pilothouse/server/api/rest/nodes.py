"""``/nodes``, ``/supplies``, ``/targets``: the inventory."""

from typing import Annotated, Literal

import msgspec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server import enrolment
from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, changing, creating, putting, reading, removing
from pilothouse.server.api.rest.words import STORABLE, MaybeSeconds, Messages, Next, Reference, Url, messages
from pilothouse.server.master import inventory, nodes, software
from pilothouse.store import node_pages

_TAGS = ["nodes"]
_texts = msgspec.json.Decoder(dict[str, str])
Text = Annotated[str, Meta(max_length=1000, pattern=STORABLE)]
Values = dict[Annotated[str, Meta(max_length=200, pattern=STORABLE)], Text]


class Node(msgspec.Struct, frozen=True):
    """One SlapOS computer."""

    reference: Reference
    title: str
    owner: Annotated[str, Meta(description="the user who registered it", examples=["ann"])]
    project: str
    address: str | None
    registered: MaybeSeconds
    revision: Annotated[int, Meta(description="moves with every change of what the node is told")]
    open: Annotated[bool, Meta(description="whether it takes further instances")]
    free: Annotated[int, Meta(description="free partitions")]
    busy: Annotated[int, Meta(description="partitions that hold an instance")]
    categories: Annotated[
        dict[str, str], Meta(description="what filters of requests find it by", examples=[{"region": "eu"}])
    ]
    status: Annotated[str, Meta(description="the last word of it or on it")]
    status_at: MaybeSeconds


class Nodes(msgspec.Struct, frozen=True):
    """Some nodes."""

    items: list[Node]
    next: Next = None


class NewNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node to be registered."""

    title: Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE, examples=["web-1"])]


class NodeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node is said to be; replaces what it was said to be before."""

    open: bool
    categories: Values = {}


class Partition(msgspec.Struct, frozen=True):
    """One slot of a node."""

    reference: Annotated[str, Meta(examples=["slappart0"])]
    addresses: Annotated[list[str], Meta(examples=[["10.0.0.1"]])]
    instance: Annotated[str | None, Meta(description="the guid of what occupies it", examples=["SOFTINST-42"])]


class Partitions(msgspec.Struct, frozen=True):
    """All partitions of a node, in its order."""

    items: list[Partition]


class Release(msgspec.Struct, frozen=True):
    """A release on a node."""

    computer: Reference
    url: Url
    state: Annotated[str, Meta(description="what is asked for: available or destroyed", examples=["available"])]
    reported: Annotated[str, Meta(description="what the node said last, empty for nothing", examples=["building"])]
    status: str
    status_at: MaybeSeconds


class Releases(msgspec.Struct, frozen=True):
    """Some releases on nodes."""

    items: list[Release]
    next: Next = None


class Supply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wish for a release on a node."""

    url: Annotated[
        str,
        Meta(
            min_length=1, max_length=2000, pattern=STORABLE, examples=["https://releases.example/web/1.2/software.cfg"]
        ),
    ]
    state: Literal["available", "destroyed"] = "available"


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason that is kept with what it is for."""

    message: Annotated[str, Meta(max_length=1000, pattern=STORABLE, examples=["the disk was replaced"])] = ""


@reading("/nodes", "List nodes", "Nodes that the caller may see, by project and reference.", tags=_TAGS)
async def list_nodes(
    desk: AtDesk,
    after: After = "",
    limit: Limit = USUAL,
    search: Annotated[str, QueryParameter(description="a part of reference or title", max_length=200)] = "",
) -> Nodes:
    """List nodes."""
    key = cursors.read(after, str, str)
    page = await desk.read(lambda connection, caller: inventory.page(connection, caller, limit, key, search))
    return Nodes([_node(each) for each in page.items], cursors.written(page.after))


@creating("/nodes", "Register a node", "The caller's node of this title, made when there is none.", tags=_TAGS)
async def add_node(desk: AtDesk, data: JSONBody[NewNode]) -> Node:
    """Register a node."""

    def work(connection: Connection, caller: Caller, now: float) -> node_pages.Node:
        made = nodes.request_node(connection, caller, data.title, now)
        return inventory.node(connection, caller, made.computer)

    return _node(await desk.write(work))


@reading("/nodes/{reference:str}", "Show a node", tags=_TAGS)
async def show_node(desk: AtDesk, reference: FromPath[str]) -> Node:
    """Show a node."""
    return _node(await desk.read(lambda connection, caller: inventory.node(connection, caller, reference)))


@changing("/nodes/{reference:str}", "Describe a node", "Sets categories, and whether it takes instances.", tags=_TAGS)
async def change_node(desk: AtDesk, reference: FromPath[str], data: JSONBody[NodeChange]) -> Node:
    """Describe a node."""

    def work(connection: Connection, caller: Caller, now: float) -> node_pages.Node:
        acting = inventory.acting_on(connection, caller, reference)
        nodes.describe(connection, acting, reference, data.categories, now, is_open=data.open)
        return inventory.node(connection, caller, reference)

    return _node(await desk.write(work))


@creating("/nodes/{reference:str}/bang", "Process a node again", "Every instance on it.", tags=_TAGS, status_code=204)
async def bang_node(desk: AtDesk, reference: FromPath[str], data: JSONBody[Said]) -> None:
    """Process a node again."""

    def work(connection: Connection, caller: Caller, now: float) -> None:
        nodes.bang(connection, inventory.acting_on(connection, caller, reference), reference, data.message, now)

    await desk.write(work)


@reading("/nodes/{reference:str}/partitions", "List the partitions of a node", tags=_TAGS)
async def list_partitions(desk: AtDesk, reference: FromPath[str]) -> Partitions:
    """List the partitions of a node."""

    def work(connection: Connection, caller: Caller) -> Partitions:
        acting = inventory.acting_on(connection, caller, reference)
        found = nodes.document(connection, acting, reference)
        return Partitions(
            [
                Partition(
                    slot.reference,
                    [each.address for each in slot.addresses],
                    slot.occupant.guid if slot.occupant else None,
                )
                for slot in found.partitions
            ]
        )

    return await desk.read(work)


@reading("/nodes/{reference:str}/messages", "List what was said of a node", tags=_TAGS)
async def node_messages(desk: AtDesk, reference: FromPath[str], after: After = "", limit: Limit = USUAL) -> Messages:
    """List what was said of a node."""
    key = cursors.read(after, int)
    return messages(
        await desk.read(lambda connection, caller: inventory.words(connection, caller, reference, limit, key))
    )


@reading("/nodes/{reference:str}/releases", "List the releases of a node", "In the node's order.", tags=_TAGS)
async def list_releases(desk: AtDesk, reference: FromPath[str]) -> Releases:
    """List the releases of a node."""
    found = await desk.read(lambda connection, caller: inventory.releases(connection, caller, reference))
    return Releases([_release(each) for each in found])


@putting(
    "/nodes/{reference:str}/releases",
    "Supply a release to a node",
    "Asks that the release be there, or with the state `destroyed` be removed.",
    tags=_TAGS,
    status_code=204,
)
async def supply(desk: AtDesk, reference: FromPath[str], data: JSONBody[Supply]) -> None:
    """Supply a release to a node."""

    def work(connection: Connection, caller: Caller, now: float) -> None:
        acting = inventory.acting_on(connection, caller, reference)
        software.supply(connection, acting, reference, data.url, data.state, now)

    await desk.write(work)


@reading("/nodes/{reference:str}/releases/messages", "List what was said of a release on a node", tags=_TAGS)
async def release_messages(
    desk: AtDesk,
    reference: FromPath[str],
    url: Annotated[str, QueryParameter(description="the address of the release", max_length=2000)],
    after: After = "",
    limit: Limit = USUAL,
) -> Messages:
    """List what was said of a release on a node."""
    key = cursors.read(after, int)
    return messages(
        await desk.read(
            lambda connection, caller: inventory.release_words(connection, caller, reference, url, limit, key)
        )
    )


@removing("/nodes/{reference:str}/certificate", "Revoke the certificate of a node", tags=_TAGS, status_code=204)
async def revoke_node_certificate(desk: AtDesk, reference: FromPath[str]) -> None:
    """Revoke the certificate of a node."""

    def work(connection: Connection, caller: Caller, now: float) -> None:
        inventory.demand_certify(connection, caller, reference)
        enrolment.revoke(connection, caller, "node", reference, now)

    await desk.write(work)


@reading("/supplies", "List releases on all nodes", "By address; of one address when it is given.", tags=_TAGS)
async def list_supplies(
    desk: AtDesk,
    after: After = "",
    limit: Limit = USUAL,
    url: Annotated[str, QueryParameter(description="the address of a release", max_length=2000)] = "",
) -> Releases:
    """List releases on all nodes."""
    key = cursors.read(after, str, int)
    page = await desk.read(lambda connection, caller: inventory.supplied(connection, caller, limit, key, url))
    return Releases([_release(each) for each in page.items], cursors.written(page.after))


def _node(row: node_pages.Node) -> Node:
    return Node(
        reference=row.reference,
        title=row.title or row.reference,
        owner=row.owner,
        project=row.project,
        address=row.address,
        registered=row.registered,
        revision=row.revision,
        open=bool(row.open),
        free=row.free,
        busy=row.busy,
        categories=_texts.decode(row.categories),
        status=row.status_text,
        status_at=row.status_at,
    )


def _release(row: node_pages.Supply) -> Release:
    return Release(row.computer, row.url, row.state, row.reported, row.status_text, row.status_at)


HANDLERS = [
    list_nodes, add_node, show_node, change_node, bang_node, list_partitions, node_messages, list_releases, supply,
    release_messages, revoke_node_certificate, list_supplies,
]  # fmt: skip

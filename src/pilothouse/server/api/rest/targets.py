"""``/targets``: the machines that jobs reach; the same table as nodes."""

from typing import Annotated

import msgspec
from litestar.params import FromPath, JSONBody
from msgspec import Meta
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, putting, reading, removing
from pilothouse.server.api.rest.words import STORABLE, Next
from pilothouse.server.master import inventory
from pilothouse.store import node_pages

_TAGS = ["targets"]
Text = Annotated[str, Meta(max_length=200, pattern=STORABLE)]
Port = Annotated[int, Meta(ge=1, le=65535, examples=[22])]


class Target(msgspec.Struct, frozen=True):
    """One machine as jobs reach it."""

    reference: Annotated[str, Meta(examples=["web-1"])]
    title: str
    owner: str
    project: str
    host: Annotated[str, Meta(examples=["192.0.2.10"])]
    port: int | None
    protocol: Annotated[str, Meta(examples=["ssh"])]
    username: str


class Targets(msgspec.Struct, frozen=True):
    """Some targets."""

    items: list[Target]
    next: Next = None


class Reached(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How jobs reach a machine. Passwords and keys are not kept here."""

    host: Annotated[str, Meta(min_length=1, max_length=200, pattern=STORABLE, examples=["192.0.2.10"])]
    port: Port | None = None
    protocol: Annotated[str, Meta(max_length=20, pattern=STORABLE, examples=["ssh"])] = ""
    username: Text = ""
    title: Text = ""


@reading("/targets", "List targets of jobs", tags=_TAGS)
async def list_targets(desk: AtDesk, after: After = "", limit: Limit = USUAL) -> Targets:
    """List targets of jobs."""
    key = cursors.read(after, str, str)
    page = await desk.read(lambda connection, caller: inventory.targets(connection, caller, limit, key))
    return Targets([_target(each) for each in page.items], cursors.written(page.after))


@reading("/targets/{reference:str}", "Show a target", tags=_TAGS)
async def show_target(desk: AtDesk, reference: FromPath[str]) -> Target:
    """Show a target."""
    return _target(await desk.read(lambda connection, caller: inventory.target(connection, caller, reference)))


@putting("/targets/{reference:str}", "Add or change a target", "A SlapOS computer may be a target too.", tags=_TAGS)
async def put_target(desk: AtDesk, reference: FromPath[str], data: JSONBody[Reached]) -> Target:
    """Add or change a target."""
    asked = node_pages.Target(reference, data.title, "", "", data.host, data.port, data.protocol, data.username)

    def work(connection: Connection, caller: Caller, now: float) -> node_pages.Target:
        return inventory.put_target(connection, caller, asked, now)

    return _target(await desk.write(work))


@removing(
    "/targets/{reference:str}", "Remove a target", "A SlapOS computer stays as that.", tags=_TAGS, status_code=204
)
async def remove_target(desk: AtDesk, reference: FromPath[str]) -> None:
    """Remove a target."""
    await desk.write(lambda connection, caller, now: inventory.remove_target(connection, caller, reference, now))


def _target(row: node_pages.Target) -> Target:
    return Target(*row)


HANDLERS = [list_targets, show_target, put_target, remove_target]

"""``pilothouse service``: instances on nodes, where they are and how they are doing."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from pilothouse.cli import database, listing, service_examples, service_why
from pilothouse.errors import UsageError

if TYPE_CHECKING:
    from pilothouse.services.instance import InstanceDocument
    from pilothouse.store.instance_pages import Entry

_EXAMPLES: Final = """\
examples:
  pilothouse service list                          what people requested
  pilothouse service list --all --computer COMP-1  everything on one node
  pilothouse service list --reported error --json
  pilothouse service show web                      parameters, connection, the tree below it
  pilothouse service history SOFTINST-42 --limit 5
  pilothouse service why web                       on its node: which promise fails, since when, what to do
  pilothouse service examples                      releases that come with this package, to supply and to copy
"""
_DEFAULT: Final = 100


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse service",
        description="Look at instances where the server's database is.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    listed = commands.add_parser("list", help="roots of trees; --all for everything")
    listed.add_argument("--all", action="store_true", help="members of trees too")
    listed.add_argument("--computer", default="", metavar="REFERENCE", help="only what is on this node")
    listed.add_argument("--state", choices=("started", "stopped", "destroyed"), help="only what is asked to be so")
    listed.add_argument("--reported", default="", metavar="STATE", help="only what its node reported so, such as error")
    listed.add_argument("--title", default="", metavar="TEXT", help="a part of the title")
    listed.set_defaults(work=_list)
    shown = commands.add_parser("show", help="one instance with all its values")
    shown.set_defaults(work=_show)
    history = commands.add_parser("history", help="what was said of an instance, the latest last")
    history.set_defaults(work=_history)
    for command in (shown, history):
        command.add_argument("name", metavar="GUID|TITLE", help="its guid, or the title of a root")
    service_why.add_options(commands.add_parser("why", help="which promise fails here, since when, what to do"))
    service_examples.add_options(commands.add_parser("examples", help="releases to supply, and to copy from"))
    for command in (listed, history):
        command.add_argument("--limit", type=listing.count, default=_DEFAULT, metavar="N", help="how many at most")
    database.add_to_all(commands.choices.values())
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse service ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.server.master import census

    keep = _keep(chosen)

    def page(connection: Connection, count: int, after: Any) -> Any:
        return census.page(connection, database.caller(), count, after, keep, computer=chosen.computer)

    found: list[Entry] = database.read(chosen, lambda connection: listing.gathered(connection, page, chosen.limit))
    rows = [
        (_guid(row), row.title, row.state, row.reported, row.computer, row.place, row.software_url) for row in found
    ]
    headings = ("guid", "title", "state", "reported", "node", "partition", "release")
    return listing.show(chosen, headings, rows, [_described(row) for row in found])


def _show(chosen: argparse.Namespace) -> int:
    from pilothouse.server.master import census

    def work(connection: Connection) -> "tuple[Entry, InstanceDocument, list[Entry]]":
        guid = _named(connection, chosen.name)
        row, document = census.entry(connection, database.caller(), guid)

        def below(connection: Connection, count: int, after: Any) -> Any:
            return census.tree(connection, database.caller(), guid, count, after)

        return row, document, listing.gathered(connection, below, _DEFAULT)

    row, document, tree = database.read(chosen, work)
    members = [
        {"guid": _guid(each), "title": each.title, "state": each.state, "reported": each.reported} for each in tree
    ]
    value = {
        **_described(row),
        "addresses": [each.address for each in document.addresses],
        "parameters": document.parameters,
        "filter": document.filter,
        "connection": document.connection,
        "tree": members,
    }
    return listing.card(chosen, value)


def _history(chosen: argparse.Namespace) -> int:
    from pilothouse.server.master import census

    def work(connection: Connection) -> Any:
        return census.words(connection, database.caller(), _named(connection, chosen.name), chosen.limit, None)

    return listing.words(chosen, database.read(chosen, work).items)


def _named(connection: Connection, name: str) -> str:
    from pilothouse.server.master import instances
    from pilothouse.server.master.errors import NotFoundError
    from pilothouse.services.instance import id_of

    if id_of(name) is not None:
        return name
    try:
        return instances.root(connection, database.caller(), name).guid
    except NotFoundError:
        raise UsageError(f"there is no root with the title {name}; see: pilothouse service list") from None


def _keep(chosen: argparse.Namespace) -> "Callable[[Entry], bool]":
    def keep(row: "Entry") -> bool:
        return (
            (chosen.all or row.root_id is None)
            and chosen.title in row.title
            and chosen.state in (None, row.state)
            and chosen.reported in ("", row.reported)
        )

    return keep


def _guid(row: "Entry") -> str:
    from pilothouse.services.instance import guid_of

    return guid_of(row.id)


def _described(row: "Entry") -> dict[str, Any]:
    return {
        "guid": _guid(row),
        "title": row.title,
        "owner": row.owner,
        "project": row.project,
        "shared": bool(row.shared),
        "asked": row.asked,
        "state": row.state,
        "reported": row.reported,
        "status": row.status_text,
        "status_at": row.status_at,
        "computer": row.computer,
        "partition": row.place,
        "software_url": row.software_url,
        "software_type": row.software_type,
        "created": row.created,
    }

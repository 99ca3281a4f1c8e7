"""``pilothouse node``: the nodes of this server, what lets a machine become one, and what keeps this one."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pilothouse.cli import database, listing, node_run

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pilothouse.store.node_pages import Node, Supply
    from pilothouse.store.pages import Page

_EXAMPLES: Final = """\
examples:
  pilothouse node list                         every node, how full it is, and its last word
  pilothouse node show COMP-1                  its releases, categories and history
  pilothouse node token                        print a token that registers one node, once, within a day
  pilothouse node token --user ann --json      the node will belong to ann
  pilothouse node run                          keep this machine as declared; no cron is needed
  pilothouse node status                       what the daemon did last, and does next
  pilothouse node wake                         look at the master now
  pilothouse node units --install /etc/systemd/system
  slapos node register web-1 --token TOKEN --master-url https://... --master-url-web https://...
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse node",
        description="Look at nodes where the server's database is, let machines become nodes, and keep this one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    token = commands.add_parser("token", help="make a token for 'slapos node register', and print it this once")
    token.add_argument("--user", default="admin", metavar="NAME", help="whom the node will belong to (default admin)")
    token.add_argument("--project", default="", metavar="NAME", help="which project it will be in")
    token.add_argument("--for", dest="subject", default="", metavar="TEXT", help="what it is for")
    token.set_defaults(work=_token)
    listed = commands.add_parser("list", help="every node")
    listed.add_argument("--search", default="", metavar="TEXT", help="a part of reference or title")
    listed.add_argument("--limit", type=listing.count, default=100, metavar="N", help="how many at most (default 100)")
    listed.set_defaults(work=_list)
    shown = commands.add_parser("show", help="one node with its releases")
    shown.add_argument("reference", metavar="REFERENCE")
    shown.set_defaults(work=_show)
    database.add_to_all(commands.choices.values())
    node_run.add_commands(commands)
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse node ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))


def _token(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.user import make_token

    return make_token(chosen, chosen.user, "node", None)


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.server.master import inventory

    def page(connection: "Connection", count: int, after: Any) -> "Page[Node]":
        return inventory.page(connection, database.caller(), count, after, chosen.search)

    found = database.read(chosen, lambda connection: listing.gathered(connection, page, chosen.limit))
    rows = [
        (row.reference, row.title, row.project, f"{row.busy} of {row.busy + row.free}", "" if row.open else "closed",
         listing.moment(row.status_at), row.status_text)
        for row in found
    ]  # fmt: skip
    headings = ("reference", "title", "project", "busy", "", "seen", "status")
    return listing.show(chosen, headings, rows, [_described(row) for row in found])


def _show(chosen: argparse.Namespace) -> int:
    from pilothouse.server.master import inventory

    def work(connection: "Connection") -> "tuple[Node, list[Supply]]":
        caller = database.caller()
        return (
            inventory.node(connection, caller, chosen.reference),
            inventory.releases(connection, caller, chosen.reference),
        )

    row, releases = database.read(chosen, work)
    supplied = [{"state": each.state, "reported": each.reported, "url": each.url} for each in releases]
    return listing.card(chosen, {**_described(row), "releases": supplied})


def _described(row: "Node") -> dict[str, Any]:
    return {
        **row._asdict(),
        "open": bool(row.open),
        "categories": msgspec.json.decode(row.categories),
        "details": msgspec.json.decode(row.details),
    }

"""``pilothouse audit``: who changed what, and whether anybody changed that afterwards."""

import argparse
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from pilothouse.cli import database, listing
from pilothouse.errors import ExitCode

_EXAMPLES: Final = """\
examples:
  pilothouse audit verify                       exit code 4 when a row was changed, removed or put in
  pilothouse audit list --limit 20
  pilothouse audit list --subject node:COMP-1 --json

Rows cut off at the end leave no trace: keep the last hash that verify prints somewhere else, and compare.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse audit",
        description="Look at the audit log, in which each row is sealed by a hash over itself and the row before it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    verify = commands.add_parser("verify", help="check the whole chain")
    verify.set_defaults(work=_verify)
    listed = commands.add_parser("list", help="the newest entries, the latest last")
    listed.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50)")
    listed.add_argument(
        "--subject", default="", metavar="SUBJECT", help="only what was done to this, as the list shows it"
    )
    listed.set_defaults(work=_list)
    database.add_to_all((verify, listed))
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse audit ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))


def _verify(chosen: argparse.Namespace) -> int:
    from pilothouse.store import audit
    from pilothouse.store.errors import BrokenChainError

    def work(connection: Connection) -> tuple[int, str]:
        return audit.verify(connection), audit.last_hash(connection)

    try:
        count, last = database.read(chosen, work)
    except BrokenChainError as error:
        if not chosen.json:
            raise
        listing.said(chosen, "", {"sound": False, "row": error.row, "reason": error.reason})
        return ExitCode.FAILED
    return listing.said(
        chosen, f"audit log: {count} rows, all sound; last hash {last}", {"sound": True, "rows": count, "last": last}
    )


def _list(chosen: argparse.Namespace) -> int:
    from pilothouse.store import history

    found = database.read(chosen, lambda connection: history.newest(connection, chosen.limit, chosen.subject))
    rows = [
        (str(entry.row), listing.moment(entry.at), f"{entry.caller_kind}:{entry.caller}", entry.action, entry.subject,
         entry.detail)
        for entry in found
    ]  # fmt: skip
    headings = ("row", "when", "who", "what", "to", "detail")
    return listing.show(chosen, headings, rows, [msgspec.to_builtins(entry) for entry in found])

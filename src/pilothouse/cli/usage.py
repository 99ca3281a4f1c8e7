"""``pilothouse usage``: what was used in a month, as a statement."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from pilothouse.cli import database
from pilothouse.services import statement
from pilothouse.services.statement import Scope, Statement
from pilothouse.services.statement_forms import FORMS

_EXAMPLES: Final = """\
examples:
  pilothouse usage statement --month 2026-11                                 everything, as CSV
  pilothouse usage statement --month 2026-11 --user ann --format html --output ann.html
  pilothouse usage statement --computer COMP-1 --format json                 of the month that ended last
  pilothouse usage statement --month 2026-11 --instance SOFTINST-42
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse usage",
        description="Statements of what was used, made of the consumption reports of nodes. Months are those of UTC.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    made = commands.add_parser(
        "statement", help="a month's statement", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--month", metavar="YYYY-MM", help="which month (default: the one that ended last)")
    only = made.add_mutually_exclusive_group()
    only.add_argument("--user", metavar="NAME", help="only what belongs to this user")
    only.add_argument("--computer", metavar="REFERENCE", help="only what was used on this node")
    only.add_argument("--instance", metavar="GUID", help="only what this instance used")
    made.add_argument("--format", choices=tuple(FORMS), default="csv", help="how it is written (default csv)")
    made.add_argument("--output", type=Path, metavar="FILE", help="write it to a file, not to standard output")
    database.add_options(made)
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse usage ...``."""
    from pilothouse import files
    from pilothouse.server.master import usage

    chosen = make_parser().parse_args(words)
    month = chosen.month or statement.month_before(time.time())
    statement.bounds(month)  # before anything is opened
    scope, subject = _subject(chosen)

    def work(connection: Connection) -> Statement:
        return usage.make(connection, database.caller(), month, scope, subject)

    text = FORMS[chosen.format](database.read(chosen, work))
    if chosen.output is not None:
        files.write_atomic(chosen.output, text.encode())
    else:
        sys.stdout.write(text.replace("\r\n", "\n"))
    return 0


def _subject(chosen: argparse.Namespace) -> tuple[Scope, str]:
    scopes: tuple[Scope, ...] = ("user", "computer", "instance")
    return next(((scope, name) for scope in scopes if (name := getattr(chosen, scope)) is not None), ("all", ""))

"""The commands of ``pilothouse headless``; set-up works on the server's database itself."""

import argparse
from collections.abc import Sequence
from typing import Final

from pilothouse.cli import database
from pilothouse.cli.headless import catalogue, credentials, groups, schema, serve, stop, users

_TEXT: Final = """\
Serve headless batches, and say who may run what. Set-up works on the server's database itself: no running server and
no login is needed, and a running server obeys at once. The audit log keeps each change.
"""
_EXAMPLES: Final = """\
examples:
  pilothouse headless user add R41 --os-account batch41 --right 'module:009*' --right see:own
  pilothouse headless group add night --right 'module:009*'     users join it by: user add ... --group night
  pilothouse headless cred add R41 --name cron-host7 --out r41.secret
  pilothouse headless cred import R41 old.secret               the file of a PLANTA headless client
  pilothouse headless root add jobs /srv/planta/jobs --default
  pilothouse headless module add 009DLK --file jobs:night/close.py --policy queue
  pilothouse headless module add ROLLOUT --definition params.json --nodes nodes.json
  pilothouse headless login add alice host7 R41 --default
  pilothouse headless serve                                    or within the control server: see 'pilothouse up'
  pilothouse headless stop                                     what runs goes on; --cancel ends it first
  pilothouse headless user list --json
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse headless",
        description=_TEXT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    things = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    serve.add_parser(things)
    stop.add_parser(things)
    schema.add_parser(things)
    made = [
        *users.add_parsers(things),
        *groups.add_parsers(things),
        *credentials.add_parsers(things),
        *catalogue.add_parsers(things),
    ]
    database.add_to_all(made)
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse headless ...``."""
    chosen = make_parser().parse_args(words)
    return int(chosen.work(chosen))

"""``pilothouse node``: what lets a machine become a node of this server."""

import argparse
from collections.abc import Sequence
from typing import Final

from pilothouse.cli import database

_EXAMPLES: Final = """\
examples:
  pilothouse node token                        print a token that registers one node, once, within a day
  pilothouse node token --user ann --json      the node will belong to ann
  slapos node register web-1 --token TOKEN --master-url https://... --master-url-web https://...
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse node",
        description="Let machines become nodes of the server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    token = commands.add_parser("token", help="make a token for 'slapos node register', and print it this once")
    token.add_argument("--user", default="admin", metavar="NAME", help="whom the node will belong to (default admin)")
    token.add_argument("--project", default="", metavar="NAME", help="which project it will be in")
    token.add_argument("--for", dest="subject", default="", metavar="TEXT", help="what it is for")
    token.add_argument("--json", action="store_true", help="print JSON")
    database.add_options(token)
    return parser


def main(words: Sequence[str]) -> int:
    """Run ``pilothouse node ...``."""
    from pilothouse.cli.user import make_token

    chosen = make_parser().parse_args(words)
    return make_token(chosen, chosen.user, "node", None)

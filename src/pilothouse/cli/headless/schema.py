"""``pilothouse headless schema``: the messages of the protocol, for whoever writes another client."""

import argparse
import sys
from typing import Any


def add_parser(things: Any) -> None:
    """Add the command."""
    parser = things.add_parser(
        "schema",
        help="print the Relax NG schema of the protocol's messages",
        description="Print the Relax NG schema of the protocol's messages, for whoever writes another client.",
    )
    parser.set_defaults(work=_print)


def _print(_chosen: argparse.Namespace) -> int:
    from pilothouse.headless.schema import relax_ng

    sys.stdout.write(relax_ng())
    return 0

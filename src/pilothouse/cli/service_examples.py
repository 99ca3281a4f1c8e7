"""``pilothouse service examples``: software releases to supply, to try, and to begin one's own with."""

import argparse
from pathlib import Path

from pilothouse.cli import examples, listing
from pilothouse.errors import ExitCode


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes besides what all of ``pilothouse service`` take."""
    parser.add_argument("--copy", type=Path, metavar="DIR", help="copy them all into a new folder, to change them")
    parser.set_defaults(work=show)


def show(chosen: argparse.Namespace) -> int:
    """List them, or copy them. Raises UsageError, OSError."""
    if chosen.copy is not None:
        profiles = [str(path) for path in examples.copy(chosen.copy.expanduser())]
        listing.said(chosen, "\n".join(profiles), profiles)
        return ExitCode.SUCCESS
    found = list(examples.releases().values())
    rows = [(each.alias, each.title, each.description) for each in found]
    values = [{"alias": each.alias, "title": each.title, "description": each.description, "url": each.url}
              for each in found]  # fmt: skip
    return listing.show(chosen, ("supply as", "what", "about"), rows, values)

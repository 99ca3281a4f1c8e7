"""``slapos node report``: tells the master what was used, and empties destroyed partitions (node spec, section 16)."""

import argparse
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import report

    return node_pass.run(chosen, "report", report.run)


COMMAND: Final = Entry(
    "run instance reports and garbage collection", node_pass.add_arguments, _run, "example:\n  slapos node report"
)

"""``slapos node collect``: measures what this machine and its partitions use (node spec, section 17)."""

import argparse
import logging
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file


def _run(chosen: argparse.Namespace) -> int:
    if node_pass.is_refused(root_check=True):
        return node_pass.NO_ROOT
    import psutil

    from pilothouse.clock import SystemClock
    from pilothouse.node import collect
    from pilothouse.node.configuration import configuration

    path, sections = node_pass.sections_of(chosen.cfg)
    try:
        collect.run(collect.Plan.of(configuration(path, sections, {})), SystemClock())
    except psutil.AccessDenied:
        logging.getLogger("slapos").error("You HAVE TO execute this script with root permission.")  # noqa: TRY400
    return 0


COMMAND: Final = Entry(
    "collect system consumption and log",
    add_node_file,
    _run,
    "example:\n  * * * * * root slapos node collect -q          a line of a crontab",
)

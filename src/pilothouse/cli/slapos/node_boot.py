"""``slapos node boot``: brings this machine back after it was started (node spec, section 20)."""

import argparse
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("-m", "--message", help="Message for bang (accepted, not heeded: it is always Reboot)")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import boot
    from pilothouse.node.shape import shape

    config = node_pass.load(chosen)
    if node_pass.is_refused(root_check=config.root_check):
        return node_pass.NO_ROOT
    return boot.run(config, shape(config.path, config.sections, {}, dry=False))


COMMAND: Final = Entry(
    "Test network and invoke simple format and bang (Use on Linux startup)",
    _arguments,
    _run,
    "example:\n  slapos node boot",
)

"""``slapos node bang``: asks for all instances of this machine to be processed again (node spec, section 20.1)."""

import argparse
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_node_file(parser)
    parser.add_argument("-m", "--message", help="Message for bang")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import master

    config = node_pass.load(chosen)
    if node_pass.is_refused(root_check=config.root_check):
        return node_pass.NO_ROOT
    print(f"Banging to {config.master_url!r}")
    master.computer(config).bang(chosen.message)
    print(f"Bang with message {str(chosen.message)!r}")
    return 0


COMMAND: Final = Entry(
    "request update on all partitions", _arguments, _run, 'example:\n  slapos node bang -m "new certificates"'
)

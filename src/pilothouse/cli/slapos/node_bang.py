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
    from pilothouse.node.configuration import Reader
    from pilothouse.slap.client import slap

    reader = Reader(*node_pass.sections_of(chosen.cfg), {})
    reader.need_slapos()
    if node_pass.is_refused(root_check=reader.boolean("root_check", default=True)):
        return node_pass.NO_ROOT
    url, computer = reader.text("master_url"), reader.text("computer_id")
    if not (url and computer):
        raise reader.missing("Missing mandatory parameters: computer_id, master_url")
    print(f"Banging to {url!r}")
    door = slap()
    door.initializeConnection(url, reader.file("key_file"), reader.file("cert_file"), reader.file("master_ca_file"))
    door.registerComputer(computer).bang(chosen.message)
    print(f"Bang with message {str(chosen.message)!r}")
    return 0


COMMAND: Final = Entry(
    "request update on all partitions", _arguments, _run, 'example:\n  slapos node bang -m "new certificates"'
)

"""``slapos node promise``: checks the promises of started instances (node spec, section 14)."""

import argparse
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry


def _arguments(parser: argparse.ArgumentParser) -> None:
    node_pass.add_arguments(parser)
    parser.add_argument("--only-cp", "--only", dest="only_cp", metavar="ONLY_CP",
                        help="Check these partitions only, separated by commas (e.g. slappart1)")  # fmt: skip


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import promise_pass

    return node_pass.run(chosen, "instance", promise_pass.run)


COMMAND: Final = Entry(
    "run promises",
    _arguments,
    _run,
    "examples:\n  slapos node promise\n  slapos node promise --only-cp slappart0 --promise-timeout 60\n\n"
    "exit codes: 0 all promises are kept, 1 the master is away, 2 a promise failed or could not be run,\n"
    "10 another pass is under way",
)

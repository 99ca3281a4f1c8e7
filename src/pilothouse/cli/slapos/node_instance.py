"""``slapos node instance``: deploys, starts and stops instances (node spec, section 11)."""

import argparse
from typing import TYPE_CHECKING, Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry

if TYPE_CHECKING:
    from pilothouse.node.configuration import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    node_pass.add_arguments(parser)
    add = parser.add_argument
    add("--buildout-debug", action="store_true", help="Run buildout in debug mode (with -D command line switch)")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--all", action="store_true", help="Process all partitions, up to date or not.")
    one.add_argument("--only-cp", "--only", dest="only_cp", metavar="ONLY_CP",
                     help="Process these partitions only, separated by commas (e.g. slappart1)")  # fmt: skip
    add("--force", action="store_true", help="Process the partitions in question, up to date or not.")
    add("--force-stop", action="store_true", help="Stop the services of started instances until the next pass.")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import instance

    def work(config: "Configuration") -> int:
        return instance.run(
            config,
            instance.Request(
                forced=chosen.force or chosen.all or config.develop,
                stops=chosen.force_stop,
                only=config.only_cp,
                debug=chosen.buildout_debug or config.buildout_debug,
            ),
        )

    return node_pass.run(chosen, "instance", work)


COMMAND: Final = Entry(
    "run instance deployment",
    _arguments,
    _run,
    "examples:\n  slapos node instance\n  slapos node instance --only-cp slappart0 --force\n\n"
    "exit codes: 0 done, 1 a partition could not be processed, 2 a promise failed,\n"
    "3 the master is away and what is declared was started, 10 another pass is under way",
)

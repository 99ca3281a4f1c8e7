"""``slapos node software``: builds and removes software releases (node spec, section 9)."""

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
    one.add_argument("--all", action="store_true", help="Deprecated: the same as --force.")
    one.add_argument("--only-sr", "--only", dest="only_sr", metavar="ONLY_SR",
                     help="Only process these software releases: URLs or MD5 names, separated by commas. "
                     "What is installed already is built again with --force only.")  # fmt: skip
    add("--force", action="store_true", help="Process software releases even if they are installed already.")
    add("--garbage-collect", action="store_true", help="Remove software releases that are not supplied any more.")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import software

    def work(config: "Configuration") -> int:
        return software.run(
            config,
            software.Request(
                forced=chosen.force or chosen.all or config.develop,
                only=config.only_sr,
                collects=chosen.garbage_collect,
                debug=chosen.buildout_debug or config.buildout_debug,
            ),
        )

    return node_pass.run(chosen, "software", work)


COMMAND: Final = Entry(
    "run software installation/deletion",
    _arguments,
    _run,
    "examples:\n  slapos node software\n  slapos node software --only-sr https://example.org/software.cfg --force",
)

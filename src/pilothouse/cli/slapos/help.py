"""``slapos help``: the overview, or the help of one command."""

import argparse
from typing import Final

from pilothouse.cli.slapos import commands
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import make_parser

_UNKNOWN: Final = 5


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cmd", nargs="*", help="name of the command")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.overview import overview, refusal

    if not chosen.cmd:
        print(overview())
        return 0
    name = commands.find(chosen.cmd)
    words = " ".join(chosen.cmd)
    if name is None or name != commands.ALIASES.get(words, words):
        import logging

        logging.getLogger("slapos").critical(refusal(chosen.cmd, None))
        return _UNKNOWN
    print(make_parser(name, commands.COMMANDS[name].load()).format_help(), end="")
    return 0


COMMAND: Final = Entry("print detailed help for another command", _arguments, _run)

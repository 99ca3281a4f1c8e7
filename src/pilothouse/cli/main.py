"""``pilothouse``: the product's own face."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from pilothouse import __version__
from pilothouse.cli.entry import guarded

_COMMANDS: Final = {
    "audit": "check and list who changed what on the control server",
    "demo": "run the documented sample jobs on this machine and show what there is to see",
    "headless": "serve headless batches, and say who may run what",
    "job": "check, run, and look into jobs",
    "node": "keep this machine as declared; list and show nodes, and let machines become nodes",
    "service": "list and show instances, and what was said of them",
    "session": "list, follow and cancel sessions of headless batches",
    "tagent": "serve this machine to engines that speak the Tagent protocol",
    "tool": "list the tools that operations can name, and show one",
    "up": "serve the control server",
    "usage": "statements of what was used in a month",
    "user": "make and list users and tokens of the control server",
}
_EXAMPLES: Final = """\
examples:
  pilothouse demo                                   see two jobs at work
  pilothouse job check params.json --nodes nodes.json   what would happen
  pilothouse job run params.json --nodes nodes.json     do it; run it again to go on where it stopped
  pilothouse job show 1042                          what happened
  pilothouse job logs 1042 web-3                    what a node said
  pilothouse tool show fileops/remotecopy           how to use a tool
  pilothouse job outputs 1042                       what nodes handed back, the same of many once
  pilothouse job retry 1042                         what failed or was never reached, once more

exit codes: 0 success, 1 connection, 2 usage, 3 still running or paused, 4 job failed, 5 aborted,
6 partly failed, 7 refused, 8 authentication
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words[:1] and words[0] in _COMMANDS else _chosen(words)
    module = importlib.import_module(f"pilothouse.cli.{command}")
    return guarded("pilothouse", lambda: int(module.main(words[1:])))


def _chosen(words: list[str]) -> str:
    """Return the command meant by a shortened name, or show the help, the version or what is wrong, and leave."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="pilothouse",
        description="Work on machines while nobody watches.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pilothouse {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    chosen, _ = parser.parse_known_args(words[:1])
    return str(chosen.command)


if __name__ == "__main__":
    sys.exit(main())

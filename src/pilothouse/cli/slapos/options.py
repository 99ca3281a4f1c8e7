"""The options that every ``slapos`` command takes, before or after its words (spec section 10.1)."""

import argparse
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from pilothouse.cli.slapos.commands import Entry

_NARROW: Final = 78
CLIENT_FILE: Final = "~/.slapos/slapos-client.cfg"
NODE_FILE: Final = "/etc/opt/slapos/slapos.cfg"
CLIENT_VARIABLE: Final = "SLAPOS_CLIENT_CONFIGURATION"
NODE_VARIABLE: Final = "SLAPOS_CONFIGURATION"


class HelpFormat(argparse.RawDescriptionHelpFormatter):
    """The library's format; the terminal's width is asked for without loading what the library would load for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


class Common(NamedTuple):
    """What the common options say: how much is told, where, and how it looks."""

    verbose: int = 0
    quiet: bool = False
    debug: bool = False
    log_file: str | None = None
    log_time: bool = True

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> Self:
        """Return what was chosen; what is missing has its default."""
        return cls(**{name: getattr(chosen, name) for name in cls._fields if hasattr(chosen, name)})

    def joined(self, later: argparse.Namespace) -> Self:
        """Return what is in force when the same options are also given after the command's words."""
        given = {name: getattr(later, name) for name in self._fields if hasattr(later, name)}
        if "verbose" in given:
            given["verbose"] += self.verbose
        return self._replace(**given)


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns) - 2
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns - 2
    except (OSError, ValueError):
        return _NARROW


def global_parser() -> argparse.ArgumentParser:
    """Return the parser of ``slapos [options] WORDS``; an option that it does not know comes back as unknown."""
    from pilothouse import __version__

    parser = argparse.ArgumentParser(
        prog="slapos",
        description=f"SlapOS client {__version__}",
        formatter_class=HelpFormat,
        add_help=False,
        allow_abbrev=False,
    )
    parser.usage = (
        "slapos [--version] [-v | -q] [--debug] [--log-file LOG_FILE]\n              [--log-color] [--log-time] [-h]"
    )
    parser.add_argument("--version", action="store_true", help="show program's version number and exit")
    add_common(parser)
    parser.add_argument("-h", "--help", action="store_true", help="show this help message and exit")
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def add_common(parser: argparse.ArgumentParser, *, shown: bool = True) -> None:
    """Add the options; what is not given leaves no trace in the namespace."""

    def text(words: str) -> str:
        return words if shown else argparse.SUPPRESS

    # a group of hidden options would leave a hole in the usage line
    one = parser.add_mutually_exclusive_group() if shown else parser
    one.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS,
                     help=text("Increase verbosity of output. Can be repeated."))  # fmt: skip
    one.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS,
                     help=text("Suppress output except warnings and errors."))  # fmt: skip
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS,
                        help=text("Show tracebacks on errors."))  # fmt: skip
    parser.add_argument("--log-file", "--logfile", "--log_file", metavar="LOG_FILE", default=argparse.SUPPRESS,
                        help=text("Specify a file to log output (default: console only)"))  # fmt: skip
    parser.add_argument("--log-color", action="store_true", default=argparse.SUPPRESS,
                        help=text("Colored log output in console (always on; stripped if redirected)"))  # fmt: skip
    # the name promises the opposite: scripts that pass it have long been getting lines without a time
    parser.add_argument("--log-time", action="store_false", default=argparse.SUPPRESS,
                        help=text("Leave the timestamp out of console log"))  # fmt: skip


def make_parser(name: str, entry: "Entry") -> argparse.ArgumentParser:
    """Return the parser of one command."""
    parser = argparse.ArgumentParser(
        prog=f"slapos {name}",
        description=entry.description,
        epilog=entry.epilog or None,
        formatter_class=HelpFormat,
    )
    entry.arguments(parser)
    add_common(parser, shown=False)
    return parser


def add_client_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg`` of a client command."""
    parser.add_argument("--cfg", help=f"SlapOS configuration file (default: ${CLIENT_VARIABLE} or {CLIENT_FILE})")


def add_node_file(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg`` of a node command."""
    parser.add_argument("--cfg", help=f"SlapOS configuration file (default: ${NODE_VARIABLE} or {NODE_FILE})")

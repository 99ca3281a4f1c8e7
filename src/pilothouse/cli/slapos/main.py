"""``slapos``: finds the command that is called, and imports only that one (spec section 10.1)."""

import os
import sys
from collections.abc import Sequence

from pilothouse.cli.slapos import commands
from pilothouse.cli.slapos.options import Common, global_parser, make_parser

_UNKNOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        code = _main(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _main(words: list[str]) -> int:
    chosen, unknown = global_parser().parse_known_args(words)
    common = Common.of(chosen)
    rest: list[str] = chosen.words
    if chosen.version:
        return _version()
    if unknown:
        return _refuse(common, [], unknown[0])
    if chosen.help or not rest:
        return _overview()
    name = commands.find(rest)
    if name is None:
        command_words = [word for word in rest if not word.startswith("-")]
        option = next((word for word in rest if word.startswith("-")), None)
        return _refuse(common, command_words, option)
    return _call(name, rest[len(name.split()) :], common)


def _call(name: str, words: list[str], common: Common) -> int:
    entry = commands.COMMANDS[name].load()
    chosen = make_parser(name, entry).parse_args(words)
    from pilothouse.cli.slapos.call import carry_out

    return carry_out(entry, chosen, common.joined(chosen))


def _overview() -> int:
    from pilothouse.cli.slapos.overview import overview

    print(overview())
    return 0


def _version() -> int:
    from pilothouse import __version__

    print(f"slapos {__version__} (Python {'.'.join(map(str, sys.version_info[:3]))})")
    return 0


def _refuse(common: Common, words: Sequence[str], option: str | None) -> int:
    from pilothouse.cli.slapos import logs
    from pilothouse.cli.slapos.overview import refusal

    logs.begin(common).critical(refusal(words, option))
    return _UNKNOWN


if __name__ == "__main__":
    sys.exit(main())

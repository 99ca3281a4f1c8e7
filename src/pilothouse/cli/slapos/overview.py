"""The list of all commands, and what is said about one that does not exist (spec section 10.1)."""

from collections.abc import Sequence
from typing import Final

from pilothouse.cli.slapos.commands import COMMANDS
from pilothouse.cli.slapos.options import global_parser

_WIDTH: Final = 13
_POINTERS: Final = """\
Please find documentation at https://slapos.nexedi.com
Please also make sure that the SlapOS Node package is up to date."""


def overview() -> str:
    """Return the help of ``slapos``: its options, and the commands by group."""
    lines = [global_parser().format_help()]
    for group in sorted({listed.group for listed in COMMANDS.values()}):
        lines.append(f"{group} commands:")
        names = sorted(name for name, listed in COMMANDS.items() if listed.group == group)
        lines += [f"  {name:{_WIDTH}}  {COMMANDS[name].summary}" for name in names]
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def refusal(words: Sequence[str], option: str | None) -> str:
    """Return what is said about words that name no command, or about an option in their place."""
    if option is not None:
        return f"slapos: invalid option '{option}'"
    named = " ".join(words)
    near = _near(named)
    hint = f"Did you mean {near}?\n\n" if near else ""
    names = ", ".join(f"'{name}'" for name in sorted(COMMANDS))
    return (
        f"slapos: the command '{named}' does not exist or is not yet implemented.\n\n"
        f"{hint}Available commands: {names}\n\n{_POINTERS}"
    )


def _near(named: str) -> str:
    import difflib

    below = [name for name in COMMANDS if name.startswith(f"{named} ")]
    found = below or difflib.get_close_matches(named, COMMANDS)
    return " or ".join(f"'slapos {name}'" for name in sorted(found))

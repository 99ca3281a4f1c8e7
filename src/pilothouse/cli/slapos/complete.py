"""``slapos complete``: completion scripts for bash, zsh and fish (spec section 10.15)."""

import argparse
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pilothouse.cli.slapos.commands import COMMANDS, Entry
from pilothouse.cli.slapos.options import global_parser, make_parser

_HIDDEN: Final = argparse.SUPPRESS


class Option(NamedTuple):
    """An option of a command: its names, and whether a value follows."""

    names: tuple[str, ...]
    text: str
    valued: bool


Words = dict[str, tuple[str, list[Option]]]  # by command: its line in the overview, its options


def words() -> Words:
    """Return the options of every command, by its name; those of ``slapos`` itself under the empty name."""
    found: Words = {"": ("", list(_options(global_parser())))}
    for name, listed in sorted(COMMANDS.items()):
        found[name] = (listed.summary, list(_options(make_parser(name, listed.load()))))
    return found


def _options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    for action in parser._actions:  # noqa: SLF001 - the library has no public list of options
        if action.option_strings and action.help != _HIDDEN:
            text = re.sub(r"%\(default\)s", str(action.default), action.help or "").partition(" (default")[0]
            yield Option(tuple(action.option_strings), " ".join(text.split()), action.nargs != 0)


def data(program: str, known: Words) -> str:
    """Return the bare words: commands, and the options of each."""
    lines = [f"{program} {name}".strip() + ": " + " ".join(_names(known[name][1])) for name in known]
    return "\n".join(lines) + "\n"


def bash(program: str, known: Words) -> str:
    """Return the script for bash."""
    cases = "\n".join(f"        {_quoted(name)}) echo {_quoted(' '.join(_names(known[name][1])))} ;;" for name in known)
    return _BASH.format(
        program=program, function=_function(program), commands="\n".join(filter(None, known)), cases=cases
    )


def zsh(program: str, known: Words) -> str:
    """Return the script for zsh."""
    lines = "\n".join(f"    {_quoted(f'{name}:{known[name][0]}')}" for name in known if name)
    cases = "\n".join(
        f"    {_quoted(name)}) options=({' '.join(_quoted(_described(one)) for one in known[name][1])}) ;;"
        for name in known
    )
    return _ZSH.format(program=program, function=_function(program), commands=lines, cases=cases)


def fish(program: str, known: Words) -> str:
    """Return the script for fish."""
    lines = [_FISH.format(program=program)]
    for name, (text, options) in known.items():
        first, _, second = name.partition(" ")
        if not name:
            where = "__fish_use_subcommand"
        elif second:
            lines.append(f"complete -c {program} -f -n __fish_use_subcommand -a {first}")
            alone = f"__fish_seen_subcommand_from {first}; and not __fish_seen_subcommand_from {_seconds(known, first)}"
            lines.append(f"complete -c {program} -f -n {_quoted(alone)} -a {second} -d {_quoted(text)}")
            where = f"__fish_seen_subcommand_from {first}; and __fish_seen_subcommand_from {second}"
        else:
            lines.append(f"complete -c {program} -f -n __fish_use_subcommand -a {first} -d {_quoted(text)}")
            where = f"__fish_seen_subcommand_from {first}"
        lines += [_fish_option(program, where, option) for option in options]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _fish_option(program: str, where: str, option: Option) -> str:
    flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
    value = " -r" if option.valued else ""
    return f"complete -c {program} -n {_quoted(where)} {flags}{value} -d {_quoted(option.text)}"


def _seconds(known: Words, first: str) -> str:
    return " ".join(name.partition(" ")[2] for name in known if name.startswith(f"{first} "))


def _names(options: list[Option]) -> list[str]:
    return [name for option in options for name in option.names]


def _described(option: Option) -> str:
    return option.names[-1] + ":" + option.text.replace(":", r"\:")


def _function(program: str) -> str:
    return "_" + re.sub(r"\W", "_", program)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_BASH: Final = """\
# completion of {program} for bash; to have it always: {program} complete > /etc/bash_completion.d/{program}
{function}_options() {{
    case "$1" in
{cases}
    esac
}}
{function}() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" word named="" next="" name
    local -a typed=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ $word == -* ]] || typed+=("$word")
    done
    while IFS= read -r name; do
        [[ "${{typed[0]}}" == "$name" || "${{typed[0]}} ${{typed[1]}}" == "$name" ]] && named="$name"
        [[ ${{#typed[@]}} == 0 ]] && [[ " $next " != *" ${{name%% *}} "* ]] && next+=" ${{name%% *}}"
        [[ ${{#typed[@]}} == 1 && "$name" == "${{typed[0]}} "* ]] && next+=" ${{name#* }}"
    done <<'COMMANDS'
{commands}
COMMANDS
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$({function}_options "$named")" -- "$current"))
    elif [[ -n $next ]]; then
        COMPREPLY=($(compgen -W "$next" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F {function} {program}
"""
_ZSH: Final = """\
#compdef {program}
# completion of {program} for zsh; to have it always, write it to _{program} in a folder of $fpath
{function}() {{
  local -a commands options typed firsts seconds
  local word line name named
  commands=(
{commands}
  )
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    [[ "$word" == -* ]] || typed+=("$word")
  done
  for line in "${{commands[@]}}"; do
    name="${{line%%:*}}"
    if [[ "$name" == "$typed[1]" || "$name" == "$typed[1] $typed[2]" ]]; then named="$name"; fi
    if [[ "$name" == *' '* ]]; then firsts+=("${{name%% *}}"); else firsts+=("$line"); fi
    if [[ "$name" == "$typed[1] "* ]]; then seconds+=("${{line#* }}"); fi
  done
  case "$named" in
{cases}
  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    _describe -o option options
  elif (( ${{#typed}} == 0 )); then
    firsts=("${{(@u)firsts}}")
    _describe command firsts
  elif (( ${{#typed}} == 1 && ${{#seconds}} )); then
    _describe command seconds
  else
    _files
  fi
}}
compdef {function} {program}
"""
_FISH: Final = """\
# completion of {program} for fish; to have it always, write it to ~/.config/fish/completions/{program}.fish
function __{program}_services
    {program} -q service list 2>/dev/null | string match -rg '^ *"(.*)": '
end
function __{program}_software
    {program} -q proxy show --software 2>/dev/null | string match -rg '^ *(\\S+://\\S+|/\\S+) '
end
function __{program}_partitions
    {program} -q proxy show --partitions 2>/dev/null | string match -rg '^ *(slappart\\d+) '
end
complete -c {program} -f -n '__fish_seen_subcommand_from info; and __fish_seen_subcommand_from service' \\
    -a '(__{program}_services)'
complete -c {program} -f -n '__fish_seen_subcommand_from supply remove' -a '(__{program}_software)'
complete -c {program} -n '__fish_seen_subcommand_from instance promise' -l only-cp -x -a '(__{program}_partitions)'"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="<command_name>", default="slapos",
                        help="Command name to support with command completion")  # fmt: skip
    parser.add_argument("--shell", metavar="<shell>", default="bash", choices=("bash", "zsh", "fish", "none"),
                        help="Shell being used: bash, zsh or fish. Use none for data only (default: bash)")  # fmt: skip


def _run(chosen: argparse.Namespace) -> None:
    write = {"bash": bash, "zsh": zsh, "fish": fish, "none": data}[chosen.shell]
    print(write(chosen.name, words()), end="")


COMMAND: Final = Entry(
    "Generate shell completions.",
    _arguments,
    _run,
    'examples:\n  eval "$(slapos complete)"\n  slapos complete --shell fish > ~/.config/fish/completions/slapos.fish',
)

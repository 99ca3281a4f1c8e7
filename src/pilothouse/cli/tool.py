"""``pilothouse tool``: what built-in and own tools there are, and how an operation names one."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.errors import ExitCode, UsageError
from pilothouse.settings import load
from pilothouse.tools.catalog import Catalog, Side, Tool, UnknownToolError
from pilothouse.tools.descriptor import Descriptor, Kind, Option

_SIDES: Final[tuple[Side, ...]] = ("local", "remote")
_PLACES: Final[dict[Kind, str]] = {
    "runner": "on the runner",
    "runner_target": "on the runner, for every node",
    "target": "on every node",
    "sqlfile": "on the runner",
    "native": "where its phase runs",
}
_EXAMPLES: Final = """\
examples:
  pilothouse tool list
  pilothouse tool list --json
  pilothouse tool show fileops/remotecopy
  pilothouse tool show osbasic/getcmdout --json
"""


def main(arguments: Sequence[str]) -> int:
    """Run ``pilothouse tool ...``."""
    parser = argparse.ArgumentParser(
        prog="pilothouse tool",
        description="Look at the tools that operations can name.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    listing = commands.add_parser("list", help="every tool with the side it runs on and one line about it")
    showing = commands.add_parser("show", help="one tool with its options, outputs and an example")
    showing.add_argument("name", metavar="NAME", help="group/tool")
    for command in (listing, showing):
        command.add_argument("--json", action="store_true", help="print JSON")
        command.add_argument("--config", type=Path, help="settings file")
    chosen = parser.parse_args(arguments)
    catalog = Catalog(load(chosen.config).plugins)
    return _list(catalog, as_json=chosen.json) if chosen.command == "list" else _show(catalog, chosen.name, chosen.json)


def example(tool: Tool) -> dict[str, Any]:
    """Return an operation of a job document that names the tool."""
    about = tool.descriptor
    options = [option for option in about.options if option.required] or about.options[:1]
    found: dict[str, Any] = {
        "opId": f"{tool.name}_1",
        "opName": tool.name,
        "opType": tool.kind,
        "isScript": 0,
        "opt": {option.opt: _sample(option) for option in options},
        "desc": {option.opt: option.type for option in options},
    }
    if about.argument:
        found["arg"] = [{"type": about.argument.type, "value": about.argument.default or "..."}]
    if about.outputs:
        found["output"] = {output.opt: {"type": output.type, "defaultValue": ""} for output in about.outputs}
    return found


def described(tool: Tool) -> list[str]:
    """Return the help of a tool as lines."""
    about = tool.descriptor
    lines = [f"{tool.name}: {about.label}", f"runs {_PLACES[tool.kind]} ({tool.kind})", "", about.description]
    if about.options:
        lines += ["", "options:", *_table(_option(option) for option in about.options)]
    if about.argument:
        number = f"up to {about.argument.count}" if about.argument.count else "any number"
        lines += ["", "arguments:", *_table([(about.argument.name, f"{about.argument.help} ({number})")])]
    if about.outputs:
        lines += ["", "outputs:", *_table((output.opt, output.help) for output in about.outputs)]
    shown = json.dumps(example(tool), indent=2, ensure_ascii=False)
    return [*lines, "", "example operation:", *(f"  {line}" for line in shown.splitlines())]


def _list(catalog: Catalog, *, as_json: bool) -> int:
    found = [tool for side in _SIDES for tool in catalog.tools(side)]
    if as_json:
        _print_json([_value(tool) for tool in found])
        return ExitCode.SUCCESS
    width = max((len(tool.name) for tool in found), default=0)
    for tool in found:
        print(f"{tool.name:{width}}  {tool.kind:13}  {tool.descriptor.label}")
    return ExitCode.SUCCESS


def _show(catalog: Catalog, name: str, as_json: bool) -> int:
    found = list(_named(catalog, name))
    if as_json:
        values = [{**_value(tool), "descriptor": _fields(tool.descriptor), "example": example(tool)} for tool in found]
        _print_json(values[0] if len(values) == 1 else values)
    else:
        print("\n\n".join("\n".join(described(tool)) for tool in found))
    return ExitCode.SUCCESS


def _named(catalog: Catalog, name: str) -> Iterator[Tool]:
    """Yield the tool of a name; there may be one on each side. Raises UsageError when there is none on either."""
    missing: list[UnknownToolError] = []
    for side in _SIDES:
        try:
            yield catalog.find(name, side)
        except UnknownToolError as error:
            missing.append(error)
    if len(missing) == len(_SIDES):
        missing.sort(key=lambda error: -len(error.near))
        near = dict.fromkeys(other for error in missing for other in error.near)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"there is no tool {name!r}{hint}; see: pilothouse tool list")


def _value(tool: Tool) -> dict[str, Any]:
    about = tool.descriptor
    return {"name": tool.name, "side": tool.side, "opType": tool.kind, "label": about.label, "risk": about.risk}


def _fields(about: Descriptor) -> Any:
    return msgspec.to_builtins({"description": about.description, "option": about.options, "argument": about.argument,
                                "output": about.outputs})  # fmt: skip


def _option(option: Option) -> tuple[str, str]:
    choices = ", ".join(str(choice.value) for choice in option.data_source.choices)
    facts = [option.type, *(["required"] if option.required else [])]
    facts += [f"one of {choices}"] if choices else []
    facts += [f"default {option.default}"] if option.default not in {None, ""} else []
    return f"--{option.opt}", f"{option.help} ({'; '.join(facts)})"


def _sample(option: Option) -> Any:
    if option.type == "switch":
        return "1"
    choices = option.data_source.choices
    return option.default or (choices[0].value if choices else "...")


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> list[str]:
    found = list(rows)
    width = max(len(name) for name, _ in found)
    return [f"  {name:{width}}  {text}" for name, text in found]


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")

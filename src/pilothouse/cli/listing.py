"""Plain tables and single facts, for people and as JSON."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pilothouse.clock import stamp
from pilothouse.errors import ExitCode

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pilothouse.store.pages import Page

T = TypeVar("T")

_PAGE = 200


def show(
    chosen: argparse.Namespace, headings: Sequence[str], rows: Sequence[Sequence[str]], values: Sequence[Any]
) -> int:
    """Print the rows below their headings, or the values as JSON."""
    if chosen.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return ExitCode.SUCCESS
    if not rows:
        print("none")
        return ExitCode.SUCCESS
    if sys.stdout.isatty():
        _draw(headings, rows)
        return ExitCode.SUCCESS
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    for row in (headings, *rows):
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return ExitCode.SUCCESS


def said(chosen: argparse.Namespace, text: str, value: Any) -> int:
    """Print one fact, or its value as JSON; a terminal takes nothing of it for a command."""
    if chosen.json:
        print(json.dumps(value, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        from pilothouse.cli.display.palette import clean

        print("\n".join(map(clean, text.split("\n"))))
    else:
        print(text)
    return ExitCode.SUCCESS


def moment(seconds: float | None) -> str:
    """Return a time as lists show it, nothing for none."""
    return "" if seconds is None else stamp(seconds, "%Y-%m-%d %H:%M")


def card(chosen: argparse.Namespace, value: Mapping[str, Any]) -> int:
    """Print all that is known of one thing, a line for each field, or its value as JSON."""
    if chosen.json:
        print(json.dumps(value, indent=2, ensure_ascii=False))
        return ExitCode.SUCCESS
    width = max(map(len, value))
    for name, held in value.items():
        lines = _lines(moment(held) if name.endswith(("_at", "created", "registered")) else held)
        for number, line in enumerate(lines or [""]):
            print(f"{'' if number else name:{width}}  {line}".rstrip())
    return ExitCode.SUCCESS


def words(chosen: argparse.Namespace, found: Sequence[tuple[int, float, str, str, str]]) -> int:
    """Print what was said of something, given the newest first, with the latest last."""
    said_ = list(reversed(found))
    rows = [(moment(at), who, state, text.partition("\n")[0]) for _, at, who, state, text in said_]
    values = [{"at": at, "who": who, "state": state, "text": text} for _, at, who, state, text in said_]
    return show(chosen, ("at", "who", "state", "text"), rows, values)


def gathered(connection: "Connection", page: "Callable[[Connection, int, Any], Page[T]]", most: int) -> list[T]:
    """Return up to ``most`` of a list that comes page by page."""
    found: list[T] = []
    after = None
    while len(found) < most:
        got = page(connection, min(_PAGE, most - len(found)), after)
        found += got.items
        after = got.after
        if after is None:
            break
    return found


def count(text: str) -> int:
    """Return a number of things to print."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("give a number greater than 0")
    return number


def _lines(held: Any) -> list[str]:
    if isinstance(held, dict):
        return [f"{name} = {value}" for name, value in held.items()]
    if isinstance(held, list | tuple):
        return [" ".join(map(str, each.values())) if isinstance(each, dict) else str(each) for each in held]
    return [{True: "yes", False: "no"}[held] if isinstance(held, bool) else "" if held is None else str(held)]


def _draw(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # heavy, and only a terminal needs it
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)

"""Plain tables and single facts, for people and as JSON."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from pilothouse.clock import stamp
from pilothouse.errors import ExitCode


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
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    for row in (headings, *rows):
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return ExitCode.SUCCESS


def said(chosen: argparse.Namespace, text: str, value: Any) -> int:
    """Print one fact, or its value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False) if chosen.json else text)
    return ExitCode.SUCCESS


def moment(seconds: float | None) -> str:
    """Return a time as lists show it, nothing for none."""
    return "" if seconds is None else stamp(seconds, "%Y-%m-%d %H:%M")

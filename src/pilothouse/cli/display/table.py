"""The table of phases, as the end of a run and a later look show it."""

from collections.abc import Sequence
from typing import Final

from pilothouse.cli.display.palette import DIM, STYLES, Line, Marks, cells, pad

Row = tuple[str, str, str, str]
"""A phase's name, state, time and nodes."""

_NAME_WIDTH: Final = 30
_HEADINGS: Final = ("phase", "state", "time", "nodes")


def phase_table(rows: Sequence[Row], marks: Marks) -> list[Line]:
    """Return the rows below a headline, after an empty line."""
    widths = [max(cells(row[column]) for row in [_HEADINGS, *rows]) for column in range(3)]
    widths[0] = min(widths[0], _NAME_WIDTH)
    lines: list[Line] = [(), (("    " + _cells(_HEADINGS, widths, marks), DIM),)]
    for row in rows:
        style = STYLES.get(row[1], "")
        lines.append(((f"  {marks.of.get(row[1], ' ')} ", style), (_cells(row, widths, marks), "")))
    return lines


def _cells(row: Row, widths: list[int], marks: Marks) -> str:
    name, state = (pad(text, width, marks.more) for text, width in zip(row[:2], widths[:2], strict=True))
    return f"{name}  {state}  {row[2]:>{widths[2]}}  {row[3]}"

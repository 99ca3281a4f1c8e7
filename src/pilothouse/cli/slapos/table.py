"""Tables as ``slapos`` prints them: rules above and below the head and at the end, cells centred (spec section 8.2)."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], between: str = "") -> list[str]:
    """Return the lines of a table; with ``between`` in the older shape, with that sign between columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    if between:
        rule = "+".join("-" * (width + 2) for width in widths)
        return [_line(head, widths, f" {between} "), rule, *(_line(row, widths, f" {between} ") for row in rows)]
    rule = "-" * (sum(widths) + len(widths) + 1)
    return [rule, _line(head, widths), rule, *(_line(row, widths) for row in rows), rule]


def _line(cells: Sequence[str], widths: Sequence[int], between: str = " ") -> str:
    return " " + between.join(map(_centred, cells, widths)) + " "


def _centred(text: str, width: int) -> str:
    # where the space cannot be halved, texts of an even length stand further right: so the tables always looked
    left, odd = divmod(width - len(text), 2)
    left += odd and not len(text) % 2
    return " " * left + text + " " * (width - len(text) - left)

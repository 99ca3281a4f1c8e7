"""A statement as it is handed over: CSV for spreadsheets, JSON for programs, HTML for printers."""

import csv
import io
from collections.abc import Callable, Mapping
from html import escape
from itertools import groupby
from string import Template
from typing import Final, Literal

import msgspec

from pilothouse.services.statement import Line, Statement

Form = Literal["csv", "json", "html"]

_COLUMNS: Final = ("month", *Line.__struct_fields__)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_TEXTS: Final = frozenset({"user", "computer", "instance", "instance_title", "resource", "currency", "vat"})


def as_csv(statement: Statement) -> str:
    """Return a line of CSV for each line, below a heading; RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for line in statement.lines:
        writer.writerow((statement.month, *(_cell(line, name) for name in Line.__struct_fields__)))
    return out.getvalue()


def as_json(statement: Statement) -> str:
    """Return the statement as JSON, numbers as decimal texts."""
    return msgspec.json.format(msgspec.json.encode(statement), indent=2).decode() + "\n"


def as_html(statement: Statement) -> str:
    """Return a page without anything from elsewhere, that prints on A4."""
    lines = "".join(_group(list(group)) for _, group in groupby(statement.lines, key=_place))
    return _PAGE.substitute(
        month=escape(statement.month),
        subject=escape(subject(statement)),
        lines=lines or '<tr><td colspan="6" class="none">Nothing was used.</td></tr>',
        resources="".join(
            f'<tr><td>{escape(each.resource)}</td><td class="number">{each.quantity}</td></tr>'
            for each in statement.resources
        ),
        amounts="".join(
            f"<tr><td>{escape(each.vat) or 'none given'}</td>"
            f'<td class="number">{each.amount} {escape(each.currency)}</td></tr>'
            for each in statement.amounts
        ),
    )


def subject(statement: Statement) -> str:
    """Return in words what a statement is about."""
    return f"{statement.scope} {statement.subject}" if statement.subject else "all users"


FORMS: Final[Mapping[Form, Callable[[Statement], str]]] = {"csv": as_csv, "json": as_json, "html": as_html}


def _cell(line: Line, name: str) -> object:
    value = getattr(line, name)
    # nodes choose these texts, and a spreadsheet would carry out what looks like a formula
    return f"'{value}" if name in _TEXTS and value.startswith(_FORMULA) else value


def _place(line: Line) -> tuple[str, str, str]:
    return (line.user, line.computer, line.instance)


def _group(lines: list[Line]) -> str:
    first = lines[0]
    what = f"{first.instance_title} ({first.instance})" if first.instance else "the node itself"
    heading = " · ".join(escape(each) for each in (first.user or "nobody", first.computer, what))
    return f'<tr class="place"><th colspan="6">{heading}</th></tr>' + "".join(map(_row, lines))


def _row(line: Line) -> str:
    return (
        f'<tr><td>{escape(line.resource)}</td><td class="number">{line.quantity}</td>'
        f'<td class="number">{line.price}</td><td class="number">{line.amount}</td>'
        f"<td>{escape(line.currency)}</td><td>{escape(line.vat)}</td></tr>"
    )


_PAGE: Final = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Usage $month, $subject</title>
<style>
@page { size: A4; margin: 18mm; }
body { font: 14px/1.45 system-ui, sans-serif; color: #1b2430; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
header { border-bottom: 2px solid #1b2430; margin-bottom: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; }
header p { margin: .2rem 0 .8rem; color: #566273; }
h2 { font-size: 1rem; margin: 2rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { text-align: left; padding: .3rem .5rem; overflow-wrap: anywhere; }
td { border-bottom: 1px solid #e3e7ec; }
thead th { border-bottom: 1px solid #1b2430; font-size: .85rem; color: #566273; }
.place th { padding-top: 1rem; break-after: avoid; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.none { color: #566273; padding: 1.5rem .5rem; }
.sums { display: flex; gap: 3rem; flex-wrap: wrap; }
.sums section { flex: 1 1 16rem; }
</style>
</head>
<body>
<header><h1>Usage $month</h1><p>$subject, by calendar month in UTC</p></header>
<table>
<thead><tr><th>Resource</th><th class="number">Quantity</th><th class="number">Price</th>
<th class="number">Amount</th><th>Currency</th><th>VAT</th></tr></thead>
<tbody>$lines</tbody>
</table>
<div class="sums">
<section><h2>Quantities</h2><table><tbody>$resources</tbody></table></section>
<section><h2>Amounts by VAT, VAT not included</h2><table><tbody>$amounts</tbody></table></section>
</div>
</body>
</html>
""")

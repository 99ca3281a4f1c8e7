"""``/usage``: reports of consumption, and the statements made of them."""

from typing import Annotated

import msgspec
from litestar import Response
from litestar.params import FromPath, PathParameter, QueryParameter
from msgspec import Meta

from pilothouse.server.api.rest import cursors
from pilothouse.server.api.rest.cursors import USUAL, After, Limit
from pilothouse.server.api.rest.desk import AtDesk, Desk, reading
from pilothouse.server.api.rest.words import Next, Reference, Seconds
from pilothouse.server.master import usage
from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.statement import Scope, Statement
from pilothouse.services.statement_forms import FORMS

_TAGS = ["usage"]


class Report(msgspec.Struct, frozen=True):
    """One report as it came in."""

    id: int
    computer: Reference
    reference: Annotated[str, Meta(description="of its first transaction")]
    received: Seconds
    digest: Annotated[str, Meta(description="SHA-256 of the document")]


class Reports(msgspec.Struct, frozen=True):
    """Some reports, the newest first."""

    items: list[Report]
    next: Next = None


Month = Annotated[str, QueryParameter(description="year and month", pattern=r"^[0-9]{4}-[0-9]{2}$")]
User = Annotated[str, QueryParameter(description="only what belongs to this user", max_length=200)]
Computer = Annotated[str, QueryParameter(description="only what was used on this node", max_length=200)]
Instance = Annotated[str, QueryParameter(description="only what this instance used", max_length=200)]

_ABOUT = "What was used in a calendar month of UTC, by one user, computer or instance, or by all that the caller sees."


@reading("/usage/statement", "Make a statement of a month", _ABOUT, tags=_TAGS)
async def statement(
    desk: AtDesk, month: Month, user: User = "", computer: Computer = "", instance: Instance = ""
) -> Statement:
    """Make a statement of a month."""
    return await _made(desk, month, user, computer, instance)


@reading("/usage/statement.csv", "Make a statement as CSV", _ABOUT, tags=_TAGS, media_type="text/csv")
async def statement_csv(
    desk: AtDesk, month: Month, user: User = "", computer: Computer = "", instance: Instance = ""
) -> str:
    """Make a statement as CSV."""
    return FORMS["csv"](await _made(desk, month, user, computer, instance))


@reading("/usage/statement.html", "Make a statement to print", _ABOUT, tags=_TAGS, media_type="text/html")
async def statement_html(
    desk: AtDesk, month: Month, user: User = "", computer: Computer = "", instance: Instance = ""
) -> str:
    """Make a statement to print."""
    return FORMS["html"](await _made(desk, month, user, computer, instance))


@reading("/nodes/{reference:str}/usage", "List the usage reports of a node", "The newest first.", tags=_TAGS)
async def list_reports(desk: AtDesk, reference: FromPath[str], after: After = "", limit: Limit = USUAL) -> Reports:
    """List the usage reports of a node."""
    key = cursors.read(after, int)
    page = await desk.read(lambda connection, caller: usage.reports(connection, caller, reference, limit, key))
    return Reports([Report(*each) for each in page.items], cursors.written(page.after))


@reading("/usage/reports/{number:int}", "Show a usage report as it came in", tags=_TAGS, media_type="application/xml")
async def show_report(desk: AtDesk, number: Annotated[int, PathParameter(ge=0, le=2**53)]) -> Response[str]:
    """Show a usage report as it came in."""
    text = await desk.read(lambda connection, caller: usage.document(connection, caller, number))
    return Response(text, media_type="application/xml")


async def _made(desk: Desk, month: str, user: str, computer: str, instance: str) -> Statement:
    given: list[tuple[Scope, str]] = [("user", user), ("computer", computer), ("instance", instance)]
    chosen = [(scope, name) for scope, name in given if name]
    if len(chosen) > 1:
        raise InvalidRequestError("name one user, computer or instance, or none of them for all")
    scope, subject = chosen[0] if chosen else ("all", "")
    return await desk.read(lambda connection, caller: usage.make(connection, caller, month, scope, subject))


HANDLERS = [statement, statement_csv, statement_html, list_reports, show_report]

"""Usage: kept once, attributed to who used it, summed for who may see it (slapos-master 11)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from tests.masters import Site, formed

from pilothouse.identity.caller import Caller, Role
from pilothouse.server.master import usage
from pilothouse.server.master.errors import ForbiddenError, InvalidRequestError, NotFoundError
from pilothouse.services.statement import Scope, Statement
from pilothouse.slap import tio
from pilothouse.store import history
from pilothouse.store.schema import projects

MONTH = "2023-11"  # that of the site's clock


@dataclass
class Move:
    reference: str
    resource: str = "CPU"
    quantity: float = 1.0
    price: float = 0.5


def journal(moves: Sequence[Move], stop: str = "2023-11-10 at 12:00:00", reference: str = "R") -> str:
    lines = "".join(
        f"<movement><resource>{each.resource}</resource><reference>{each.reference}</reference>"
        f"<quantity>{each.quantity}</quantity><price>{each.price}</price><VAT>20%</VAT></movement>"
        for each in moves
    )
    return (
        f'<journal><transaction type="Sale Packing List"><start_date></start_date><stop_date>{stop}</stop_date>'
        f"<reference>{reference}</reference><currency>EUR</currency><payment_mode></payment_mode>"
        f'<arrow type="Administration"/>{lines}</transaction></journal>'
    )


async def report(site: Site, computer: str, text: str) -> None:
    await site.write(lambda c, now: usage.report(c, site.caller, computer, tio.loads(text), text, now))


async def made(site: Site, scope: Scope = "all", subject: str = "", month: str = MONTH) -> Statement:
    return await site.store.read(lambda c: usage.make(c, site.caller, month, scope, subject))


def lines(found: Statement) -> list[tuple[str, str, str, str]]:
    return [(line.user, line.computer, line.instance, line.quantity) for line in found.lines]


def person(name: str, project: str = "", *roles: Role) -> Caller:
    return Caller(kind="user", name=name, project=project, roles=frozenset(roles))


def node(name: str) -> Caller:
    return Caller(kind="node", name=name)


async def test_movements_belong_to_who_used(production: Site) -> None:
    await production.by(person("root", "", "operator")).format(formed("c1", 2))
    await production.supply("c1", "http://sr.example/a.cfg")
    ann = await production.by(person("ann", "", "operator")).request("web", "c1")
    moves = [Move("slappart0", quantity=2), Move(ann.guid, quantity=3), Move("c1"), Move(""), Move("elsewhere")]
    await report(production.by(node("c1")), "c1", journal(moves))
    found = await made(production)
    assert lines(found) == [("ann", "c1", ann.guid, "5"), ("root", "c1", "", "3")]
    assert (found.lines[0].instance_title, found.lines[0].amount, found.lines[0].vat) == ("web", "2.50", "20%")
    assert [(each.currency, each.amount) for each in found.amounts] == [("EUR", "4.00")]
    assert lines(await made(production, "user", "ann")) == [("ann", "c1", ann.guid, "5")]
    assert lines(await made(production, "instance", ann.guid)) == [("ann", "c1", ann.guid, "5")]
    assert len((await made(production, "computer", "c1")).lines) == 2
    assert (await made(production, month="2023-10")).lines == ()


async def test_a_report_counts_once(site: Site) -> None:
    await site.node("c1", 1)
    text = journal([Move("c1")])
    for _ in range(2):
        await report(site, "c1", text)
    await report(site, "c1", journal([Move("c1")], reference="S"))
    assert [line.quantity for line in (await made(site)).lines] == ["2"]
    entries = await site.store.read(lambda c: history.newest(c, 10, "c1"))
    assert [entry.action for entry in entries].count("usage.report") == 2


async def test_months_begin_and_end_to_the_second(site: Site) -> None:
    await site.node("c1", 1)
    for number, stop in enumerate(("2023-10-31T23:59:59Z", "2023-11-01", "2023-11-30T23:59:59", "2023-12-01", "")):
        await report(site, "c1", journal([Move("c1", quantity=10**number)], stop))
    # what names no time, or one to come, counts when it came in: on 14 November
    assert [line.quantity for line in (await made(site)).lines] == ["11110"]
    assert [line.quantity for line in (await made(site, month="2023-10")).lines] == ["1"]


async def test_what_was_destroyed_since_is_found_by_its_place(site: Site) -> None:
    await site.node("c1", 1)
    old = await site.request("old", "c1")
    await site.request("old", "c1", state="destroyed")
    await site.report("c1", "slappart0", "destroyed")
    await report(site, "c1", journal([Move("slappart0"), Move(old.guid)]))
    assert lines(await made(site)) == [("", "c1", old.guid, "2")]


async def test_a_node_reports_for_itself_only(production: Site) -> None:
    for computer in ("c1", "c2"):
        await production.node(computer, 1)
    await production.supply("c2", "http://sr.example/a.cfg")
    other = await production.request("web", "c2")
    with pytest.raises(ForbiddenError):
        await report(production.by(node("c1")), "c2", journal([Move("c2")]))
    with pytest.raises(ForbiddenError, match="it is not on c1"):
        await report(production.by(node("c1")), "c1", journal([Move("c1"), Move(other.guid)]))
    with pytest.raises(NotFoundError):
        await report(production, "c9", journal([Move("c9")]))
    assert (await made(production)).lines == ()
    kept = await production.store.read(lambda c: history.newest(c, 2))
    assert [entry.action for entry in kept] == ["refused: usage.report"] * 2


async def test_who_sees_what(production: Site) -> None:
    await production.store.write(lambda c: c.execute(projects.insert().values(name="p", created=0.0)) and None)
    await production.by(person("root", "p", "operator")).format(formed("c1", 2))
    await production.by(person("root", "p", "operator")).supply("c1", "http://sr.example/a.cfg")
    ann = await production.by(person("ann", "p", "operator")).request("web", "c1")
    await report(production.by(node("c1")), "c1", journal([Move("slappart0"), Move("c1")]))

    async def seen(caller: Caller, scope: Scope = "all", subject: str = "") -> int:
        return len((await made(production.by(caller), scope, subject)).lines)

    assert await seen(person("boss", "", "admin")) == 2
    assert await seen(person("eve", "p", "viewer")) == 2
    assert await seen(person("eve", "q", "viewer")) == 0
    assert await seen(person("ann"), "user", "ann") == 1
    assert await seen(person("ann"), "instance", ann.guid) == 1
    assert await seen(node("c1"), "computer", "c1") == 2
    assert await seen(Caller(kind="instance", name=ann.guid), "instance", ann.guid) == 1
    for caller, scope, subject in (
        (person("ann"), "user", "root"),
        (person("ann"), "all", ""),
        (node("c1"), "all", ""),
        (person("eve", "q", "viewer"), "computer", "c1"),
        (person("eve", "q", "viewer"), "instance", ann.guid),
        (node("c2"), "computer", "c1"),
    ):
        with pytest.raises((ForbiddenError, NotFoundError)):
            await seen(caller, scope, subject)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("month", "scope", "subject"), [("2023", "all", ""), (MONTH, "all", "ann"), (MONTH, "user", "")]
)
async def test_questions_that_mean_nothing(site: Site, month: str, scope: Scope, subject: str) -> None:
    with pytest.raises(InvalidRequestError):
        await made(site, scope, subject, month)

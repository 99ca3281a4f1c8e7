"""Sessions on a real server: they outlive connections, one at a time where that is asked (headless, checks E and F)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import headlesscall
from tests.headlessserver import SLOW, Guest, Server, code, module, serving

from pilothouse.clock import SystemClock
from pilothouse.headless import messages
from pilothouse.headless.server.bounds import Bounds
from pilothouse.headless.server.spool import Spool
from pilothouse.headless.shim.descendants import marked
from pilothouse.store import audit, headless_sessions


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


def numbers(server: Server, sid: str) -> list[int]:
    return [event.ev for event in Spool(server.spools / sid).events()]


async def test_checks_39_41_42_43_54_the_real_client(server: Server) -> None:
    calls = (("-m", "SLOW"), ("-t", "30", "-m", "OK1"), ("-t", "-1", "-m", "BAD1"), ("-t", "1", "-m", "LOOP"))
    answers = [await server.call(*words) for words in calls]
    wrong = await server.call("-m", "OK1", user="R42")
    assert [answer.code for answer in answers] == [0, 0, 4, 3]
    assert wrong.code == 0
    assert {(answer.out, answer.err) for answer in (*answers, wrong)} == {("", "")}
    guest = await Guest.inside(server)
    await guest.say(messages.List())
    found = (await guest.until(messages.Sessions)).statuses
    loop = next(each for each in found if each.jobs[0].name == "LOOP@1")
    assert loop.state == "running"
    await guest.say(messages.Cancel(loop.session, "force"))
    await guest.becomes(loop.session, "cancelled")
    assert await guest.becomes(found[-1].session, "ok") == "ok"


async def test_check_47_a_killed_client_ends_nothing(server: Server) -> None:
    process = await headlesscall.begin(server.words("-t", "-1", "-v", "-m", "SLOW"), server.folder)
    assert process.stdout is not None
    while b"begun" not in await process.stdout.readline():
        pass
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    guest = await Guest.inside(server)
    await guest.say(messages.List())
    (found,) = (await guest.until(messages.Sessions)).statuses
    assert await guest.becomes(found.session, "ok") == "ok"
    events = numbers(server, found.session)
    assert events == list(range(1, len(events) + 1))


async def test_check_51_the_server_is_restarted(server: Server) -> None:
    process = await headlesscall.begin(server.words("-t", "-1", "-v", "-m", "SLOW"), server.folder)
    assert process.stdout is not None
    while b"begun" not in (line := await process.stdout.readline()):
        assert line
    await server.stop()
    await server.begin()
    answer = await headlesscall.finish(process)
    assert answer.code == 0
    assert answer.out.count("begun") == 0, "what was shown before is not shown again"


async def test_an_attached_client_gets_what_it_missed(server: Server) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(module("SLOW"), wait="none")
    other = await Guest.inside(server)
    await other.say(messages.Attach(accepted.session, 3))
    assert (await other.until(messages.Attached)).first == 1
    end = await other.ended()
    assert [event.ev for event in other.seen if hasattr(event, "ev")] == list(range(3, end.ev + 1))
    await other.say(messages.Attach(accepted.session, end.ev, events="end"))
    assert (await other.ended()).ev == end.ev
    await other.say(messages.Detach(accepted.session))
    assert isinstance(await other.hear(), messages.Detached)


async def test_check_52_refuse_and_queue(server: Server) -> None:
    guest, other = await Guest.inside(server), await Guest.inside(server)
    first = await guest.start(module("SLOW"))
    refused = await other.start(module("SLOW"))
    assert (refused.name, refused.holder) == ("BUSY", first.session)
    await server.script("SLOWQ", SLOW.format(seconds=0.4), policy="queue")
    runs = [await guest.start(module("SLOWQ")), await other.start(module("SLOWQ"))]
    assert (await other.start(module("SLOWQ"))).name == "BUSY", "one may wait, not two"
    await other.ended()
    rows = [await server.read(partial(headless_sessions.find, sid=run.session)) for run in runs]
    assert [row.state for row in rows] == ["ok", "ok"]
    assert rows[0].ended <= rows[1].started
    async with asyncio.timeout(30):
        while await server.read(headless_sessions.locks):  # the first one runs for itself
            await asyncio.sleep(0.05)


async def test_check_52_attach_replace_parallel(server: Server) -> None:
    guest, other = await Guest.inside(server), await Guest.inside(server)
    for policy in ("attach", "replace"):
        await server.script(policy, SLOW.format(seconds=0.5), policy=policy)
    await server.script("TWO", SLOW.format(seconds=0.5), policy="parallel", max=2)
    first, second = await guest.start(module("attach")), await other.start(module("attach"))
    assert (second.session, second.joined) == (first.session, True)
    assert ((await guest.ended()).state, (await other.ended()).state) == ("ok", "ok")
    first = await guest.start(module("replace"))
    await guest.prints("begun")
    second = await other.start(module("replace"))
    assert (await guest.ended()).state == "cancelled"
    assert (await other.ended()).state == "ok"
    first, second = await guest.start(module("TWO")), await other.start(module("TWO"))
    await guest.prints("begun")
    await other.prints("begun")
    assert (await guest.start(module("TWO"))).name == "BUSY"
    assert {(await guest.ended()).state, (await other.ended()).state} == {"ok"}


@pytest.mark.parametrize("mode", ["graceful", "force"])
async def test_check_53_cancel_leaves_nothing(server: Server, mode: Any) -> None:
    guest, other = await Guest.inside(server), await Guest.inside(server)
    accepted = await guest.start(module("LOOP"), module("OK1"))
    await guest.prints("begun")
    await other.say(messages.Cancel(accepted.session, mode, "enough"))
    assert isinstance(await other.hear(), messages.Cancelling)
    end = await guest.ended()
    assert (end.state, end.skipped) == ("cancelled", 1)
    assert marked(f"PLANTA_SESSION={accepted.session}") == []
    assert await server.read(headless_sessions.locks) == []
    await other.say(messages.Cancel(accepted.session, mode))
    assert (await other.hear()).name == "SESSION_ENDED"
    assert await server.read(audit.verify) > 0


async def test_a_queued_session_can_be_cancelled_and_expires(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(max_sessions=1, queue=2, queue_ttl=0.4)) as server:
        guest, other = await Guest.inside(server), await Guest.inside(server)
        await guest.start(module("SLOW"))
        await guest.prints("begun")
        first = await other.start(module("OK1"), module("OK1"))
        second = await guest.start(code("1"), wait="none")
        assert (await guest.start(code("2"), wait="none")).name == "SERVER_FULL"
        await other.say(messages.Cancel(first.session))
        end = await other.ended()
        assert (end.state, end.skipped) == ("cancelled", 2)
        assert await other.becomes(second.session, "expired") == "expired"


async def test_a_request_is_started_once(server: Server) -> None:
    guest = await Guest.inside(server)
    first = await guest.start(module("OK1"), wait="none", request="abc")
    again = await guest.start(module("OK1"), wait="none", request="abc")
    assert (again.session, again.replay) == (first.session, True)
    assert (await guest.start(module("SLOW"), wait="none", request="abc")).name == "REQUEST_MISMATCH"
    await guest.say(messages.Query(request="abc"))
    assert (await guest.hear()).session == first.session
    assert await guest.becomes(first.session, "ok") == "ok"


async def test_one_user_has_so_many_sessions(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(per_user=1)) as server:
        guest = await Guest.inside(server)
        first = await guest.start(module("SLOW"))
        assert (await guest.start(module("OK1"))).name == "SERVER_FULL"
        assert (await guest.ended()).session == first.session


async def test_what_is_old_is_deleted(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        guest = await Guest.inside(server)
        accepted = await guest.start(module("OK1"))
        await guest.ended()
        service = (tmp_path / "headless" / "identity").read_text().split()[0]
        now = SystemClock().time()
        assert await server.read(lambda c: headless_sessions.ended_before(c, service, now - 60)) == []
        server.bounds = Bounds(keep_spools=0.0)
        await server.stop()
        await server.begin()
        again = await Guest.inside(server)
        async with asyncio.timeout(10):
            while (server.spools / accepted.session).exists():
                await asyncio.sleep(0.02)
        await again.say(messages.Attach(accepted.session, 1))
        assert (await again.hear()).name == "EVENTS_GONE"
        assert await again.state(accepted.session) == "ok"


async def test_the_questions_are_the_same_on_both_databases(empty: str, tmp_path: Path) -> None:
    async with serving(tmp_path, database=empty, bounds=Bounds(keep_spools=0.0, keep_sessions=0.0)) as server:
        await server.script("SLOWQ", SLOW.format(seconds=0.2), policy="queue")
        guest = await Guest.inside(server)
        runs = [await guest.start(module("SLOWQ"), request=name) for name in ("one", "two")]
        assert (await guest.start(module("SLOWQ"))).name == "BUSY"
        assert (await guest.start(module("SLOWQ"), request="two")).replay is True
        for run in runs:
            assert await guest.becomes(run.session, "ok") == "ok"
        for query in (messages.List(), messages.List(state="ok"), messages.List(before=runs[1].session)):
            await guest.say(query)
            assert (await guest.until(messages.Sessions)).statuses[-1].session == runs[0].session
        assert await server.read(headless_sessions.locks) == []
        assert await server.read(audit.verify) > 0
        await server.stop()
        await server.begin()
        again = await Guest.inside(server)
        assert await again.becomes(runs[0].session, "NO_SUCH_SESSION") == "NO_SUCH_SESSION"

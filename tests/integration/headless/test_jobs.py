"""Jobs on a real server: what runs, what is refused, how it ends (headless, checks D)."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.headlessserver import SLOW, Guest, Server, code, module, serving

from pilothouse.headless import messages
from pilothouse.headless.server.bounds import Bounds, SessionLimits
from pilothouse.headless.server.modules import Module
from pilothouse.headless.server.spool import Spool
from pilothouse.store import headless_sessions


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def test_check_31_unknown_and_forbidden_modules_look_the_same(server: Server) -> None:
    own, other = await Guest.inside(server), await Guest.inside(server, "R42")
    first, second = await own.start(module("NOPE")), await other.start(module("BAD1"))
    assert (first.name, first.text, first.job) == (second.name, second.text, second.job) == (
        "NO_SUCH_JOB", first.text, 1,
    )  # fmt: skip
    assert list(server.spools.iterdir()) == []


async def test_check_33_output_in_utf_8_and_a_result(server: Server) -> None:
    guest = await Guest.inside(server)
    await guest.start(code('import planta_job; planta_job.result({"a":1}); print("ä€")'))
    end = await guest.ended()
    assert end.state == "ok"
    assert [log.text for log in guest.of(messages.Log)] == ["ä€"]
    assert [(found.enc, found.text) for found in guest.of(messages.Result)] == [("json", '{"a": 1}')]
    assert [event.ev for event in guest.seen if hasattr(event, "ev")] == list(range(1, end.ev + 1))


@pytest.mark.parametrize(
    ("snippet", "state", "rc", "signal", "reason"),
    [
        ('raise ValueError("x")', "failed", None, None, "ValueError: x"),
        ("import sys; sys.exit(5)", "failed", 5, None, "exit 5"),
        ("import sys; sys.exit(0)", "ok", 0, None, ""),
        ("import sys; sys.exit('no')", "failed", 1, None, "no"),
        ("this is no python", "failed", None, None, "SyntaxError: invalid syntax"),
        ("import os; os.abort()", "failed", None, "SIGABRT", "killed by SIGABRT"),
        ("import os; os._exit(0)", "failed", 0, None, "the worker ended before the job did"),
        ("import os\nif not os.fork(): pass", "ok", 0, None, ""),
    ],
)
async def test_check_34_verdicts(
    server: Server, snippet: str, state: str, rc: int | None, signal: str | None, reason: str
) -> None:
    guest = await Guest.inside(server)
    await guest.start(code(snippet))
    end = await guest.ended()
    last = guest.of(messages.JobState)[-1]
    assert (end.state, last.state, last.rc, last.signal, last.text) == (state, state, rc, signal, reason)


async def test_check_36_only_confined_files_run(server: Server) -> None:
    jobs = server.folder / "jobs"
    (jobs / "d").mkdir(mode=0o755)
    for name in ("a.py", "w.py", "d/b.py", "a.txt"):
        (jobs / name).write_text("print('ran')")
        (jobs / name).chmod(0o664 if name == "w.py" else 0o644)
    (jobs / "passwd.py").symlink_to("/etc/passwd")
    (jobs / "link.py").symlink_to("a.py")
    guest = await Guest.inside(server)
    names = ("passwd.py", "link.py", "w.py", "d/../a.py", "../x.py", "/etc/x.py", "a.txt", "none:a.py", "a.py\\x", "d")
    for name in names:
        refused = await guest.start(messages.PyFile(name))
        assert (refused.name, refused.job) == ("FILE_REJECTED", 1), name
    for name in ("a.py", "jobs:a.py", f"{jobs}/a.py", "d/b.py"):
        assert isinstance(await guest.start(messages.PyFile(name)), messages.Accepted), name
        assert (await guest.ended()).state == "ok"


async def test_check_37_the_accepted_content_runs(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=Bounds(max_sessions=1)) as server:
        await server.script("WAIT", SLOW.format(seconds=0.5))
        guest = await Guest.inside(server)
        path = server.folder / "jobs" / "a.py"
        path.write_text("print('accepted')")
        path.chmod(0o644)
        await guest.start(module("WAIT"))
        accepted = await guest.start(messages.PyFile("a.py"))
        assert accepted.state == "queued"
        path.write_text("print('replaced')")
        await guest.ended()
        assert (await guest.ended()).session == accepted.session
        assert [log.text for log in guest.of(messages.Log)] == ["begun", "accepted"]
        jobs = await server.read(lambda c: headless_sessions.jobs(c, accepted.session))
        assert jobs[0].sha256 == hashlib.sha256(b"print('accepted')").hexdigest()


@pytest.mark.parametrize(("on_error", "states"), [("stop", ["failed", "skipped"]), ("continue", ["failed", "ok"])])
async def test_check_38_stop_or_continue(server: Server, on_error: Any, states: list[str]) -> None:
    guest = await Guest.inside(server)
    await guest.start(module("BAD1"), module("OK1"), on_error=on_error)
    end = await guest.ended()
    assert (end.state, end.failed, end.ok + end.skipped) == ("failed", 1, 1)
    assert [found.state for found in guest.of(messages.JobState) if found.state != "running"] == states


async def test_a_command_that_is_killed_says_by_what(server: Server) -> None:
    await server.publish("KILLED", Module(kind="command", command=("sh", "-c", "kill -9 $$")))
    guest = await Guest.inside(server)
    await guest.start(module("KILLED"))
    assert (await guest.ended()).state == "failed"
    end = guest.of(messages.JobState)[-1]
    assert (end.rc, end.text) == (137, "killed by SIGKILL")


async def test_kinds_of_modules(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    await server.publish("ENTRY", Module(kind="python", entry="posixpath:join", params={"a": "x"}))
    await server.publish("WORDS", Module(kind="command", command=("sh", "-c", "echo $PLANTA_PARAM_year"),
                                         params={"year": "1"}))  # fmt: skip
    guest = await Guest.inside(server)
    await guest.start(module("words", year="2025"), module("ENTRY", a="x"))
    assert (await guest.ended()).ok == 2
    assert [log.text for log in guest.of(messages.Log)] == ["2025"]
    assert (await guest.start(module("WORDS", month="1"))).name == "BAD_JOB"


async def test_a_definition_is_run_by_the_engine(server: Server) -> None:
    operation = {"opName": "say", "opId": "say_1", "opType": "runner", "isScript": 1, "interpreter": "bash",
                 "scriptContent": "echo hello from the engine", "opt": {}, "output": {}, "desc": {}}  # fmt: skip
    flow = [{"groupNo": 0, "execStrategy": "oneShot", "phases": [{"phaseName": "p", "operations": [operation]}]}]
    await server.publish("DEF", Module(kind="definition", definition={"jobId": 7, "opt": {}, "runFlow": flow}))
    guest = await Guest.inside(server)
    await guest.start(module("DEF"))
    end = await guest.ended(30)
    assert end.state == "ok", [log.text for log in guest.of(messages.Log)]
    assert any("hello from the engine" in log.text for log in guest.of(messages.Log))
    assert guest.of(messages.Progress)[-1].done == 1


async def test_output_is_cut_into_lines_and_capped(tmp_path: Path) -> None:
    async with serving(tmp_path, limits=SessionLimits(output=50_000)) as server:
        guest = await Guest.inside(server)
        await guest.start(code("print('ä' * 10_000)\nfor i in range(10_000): print('line', i)\nraise SystemExit(3)"))
        end = await guest.ended()
        logs = guest.of(messages.Log)
        assert [log.cont for log in logs[:3]] == [True, True, False]
        assert max(len(log.text.encode()) for log in logs) <= 8192
        assert [info.text for info in guest.of(messages.Info)] == ["log truncated"]
        assert guest.of(messages.JobState)[-1].rc == 3
        assert end.ev == len([event for event in guest.seen if hasattr(event, "ev")])


async def test_limits_end_the_job_and_only_it(tmp_path: Path) -> None:
    limits = SessionLimits(memory=300 << 20, cpu=1, runtime=1.0, grace=0.2)
    async with serving(tmp_path, limits=limits) as server:
        memory, time = await Guest.inside(server), await Guest.inside(server)
        await memory.start(code("x = bytearray(1 << 30)"))
        await time.start(code("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"))
        assert (await memory.ended()).state == "failed"
        assert memory.of(messages.JobState)[-1].text == "MemoryError"
        assert (await time.ended()).state == "expired"


async def test_a_job_sees_a_clean_environment(server: Server) -> None:
    guest = await Guest.inside(server)
    first = "import os, sys, ppms, planta_job\nppms.get_session_dict()['a'] = 1\n"
    second = "import ppms, sys; print(ppms.get_session_dict(), sys.argv, 'os' in globals())"
    await guest.start(code(f"{first}print(sorted(os.environ), sys.flags.isolated)"), code(second))
    assert (await guest.ended()).ok == 2
    environment = ["HOME", "LANG", "LOGNAME", "PATH", "PLANTA_SESSION", "USER"]
    assert [log.text for log in guest.of(messages.Log)] == [f"{environment} 1", "{'a': 1} ['<snippet 2>'] False"]


RAW = "import os, planta_job as j; os.write(j._channel, {!r}); raise SystemExit(3)"


@pytest.mark.parametrize(
    ("text", "rc"),
    [
        ("import sys; sys.exit(True)", 1),
        ("import sys; sys.exit(10**30)", None),
        ("import sys; sys.exit(-3)", -3),
        ("raise ValueError(chr(0xd800) + chr(0))", None),
        ("import planta_job as j; j.progress(float('inf'), True, chr(0xd800)); raise SystemExit(3)", 3),
        ("import planta_job as j; j.progress(1, unit=chr(1)); raise SystemExit(3)", 3),
        ("import planta_job as j; j.result('&' * 65536); raise SystemExit(3)", 3),
        ("import planta_job as j; j.result(chr(1) * 65536); raise SystemExit(3)", 3),
        ("import planta_job as j; j.result([chr(10) * 60000]); raise SystemExit(3)", 3),
        ("import planta_job as j; j.info(chr(0) + chr(0xdfff)); raise SystemExit(3)", 3),
        (RAW.format(b"[" * 100_000 + b"\n"), 3),
        (RAW.format(b'{"name": "end", "job": 1e999}\n'), 3),
        (RAW.format(b"7\n[]\n\xff\n"), 3),
    ],
)
async def test_whatever_a_job_says_its_events_can_be_read(server: Server, text: str, rc: int | None) -> None:
    guest = await Guest.inside(server)
    accepted = await guest.start(code(text))
    end = await guest.ended()
    assert end.state == "failed"
    assert guest.of(messages.JobState)[-1].rc == rc
    assert await guest.becomes(accepted.session, "failed") == "failed"
    row = await server.read(lambda c: headless_sessions.find(c, accepted.session))
    assert row.ended is not None
    assert len(list(Spool(server.spools / accepted.session).events())) == end.ev

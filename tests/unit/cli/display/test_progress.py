import asyncio
import io
import json
import time
from collections.abc import Iterator

import pytest
from tests.unit.cli.display.story import PASSWORD, T0, job, job_end, node, phase, say, small_job, start

from pilothouse.cli.display.canvas import TerminalConsole
from pilothouse.cli.display.hints import Hints
from pilothouse.cli.display.progress import JsonDisplay, LiveDisplay, PlainDisplay, display_for, encode
from pilothouse.clock import ManualClock
from pilothouse.engine import events
from pilothouse.engine.events import EventStream
from pilothouse.jobs.states import State


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(stream: io.StringIO, *, width: int = 80, height: int = 24, no_color: bool = False) -> TerminalConsole:
    return TerminalConsole(
        file=stream,
        force_terminal=True,
        width=width,
        height=height,
        color_system="standard",
        no_color=no_color,
        highlight=False,
        _environ={"TERM": "xterm"},
    )


async def until(stream: io.StringIO, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in stream.getvalue():
            await asyncio.sleep(0.01)


async def test_plain_text_of_a_job() -> None:
    stream = io.StringIO()
    display = PlainDisplay(ManualClock(T0), stream, hints=Hints(again="pilothouse job run deploy.json"))
    await display.observe(small_job()[:5])
    rounds = events.RoundStarted(at=T0 + 1, phase="deploy", round=1, rounds=2, total=2)
    await display.observe([rounds, events.Notice(at=T0 + 1, level="WARN", text="slow\x1b[2J\nvery slow")])
    await display.observe(small_job()[5:])
    await display.close()
    await display.close()
    assert stream.getvalue() == (
        "22:13:20 job 4711 started by alice: 4 node runs, run 2\n"
        "22:13:20 phase deploy started: 4 nodes, up to 10 at a time\n"
        "22:13:21 phase deploy round 1/2: 2 nodes\n"
        "22:13:21 WARN: slow\n"
        "22:13:21 WARN: very slow\n"
        "22:13:24 failed: web-3 (10.0.0.3) in deploy after 3.0 s: 10.0.0.3 gave exit code 1\n"
        "22:13:24   | step one\n"
        "22:13:24   | no space left\n"
        "22:13:25 failed: web-4 (10.0.0.4) in deploy after 4.0 s: 10.0.0.4 gave exit code 1\n"
        "22:13:25 phase deploy failed: 1 ok, 2 failed, 1 skipped\n"
        "\n"
        "✗ job 4711 failed in 5.0 s\n"
        "  ✓ 1 ok   ↷ 1 skipped   ✗ 2 failed\n"
        "\n"
        "✗ 2 nodes: <node> gave exit code 1: web-[3-4]\n"
        "\n"
        "  see why  pilothouse job logs 4711 10.0.0.4-22-4\n"
        "  resume   pilothouse job run deploy.json\n"
    )


async def test_silence_while_nodes_work_is_broken_by_a_heartbeat() -> None:
    clock, stream = ManualClock(T0), io.StringIO()
    display = PlainDisplay(clock, stream, silence=0.05)
    await display.observe([job(2), phase("a", 2), start("a", node(1)), say("a", node(1), "waiting for port 80")])
    clock.advance(40)
    await until(stream, "elapsed")
    await display.close()
    assert (
        "22:14:00 0/2 done: 1 running, 1 pending; 0:40 elapsed; longest web-1 in a for 0:40: waiting for port 80\n"
        in stream.getvalue()
    )


async def test_no_heartbeat_when_nothing_runs() -> None:
    clock, stream = ManualClock(T0), io.StringIO()
    display = PlainDisplay(clock, stream, silence=0.02)
    await display.observe([job(2), phase("a", 2)])
    clock.advance(40)
    await asyncio.sleep(0.2)
    await display.close()
    assert "elapsed" not in stream.getvalue()


async def test_plain_text_survives_a_narrow_encoding() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    display = PlainDisplay(ManualClock(T0), stream)
    await display.observe([events.Notice(at=T0, level="INFO", text="数")])
    await display.close()
    assert raw.getvalue().decode().startswith("22:13:20 INFO: \\u6570\n")


async def test_json_lines_tell_everything_but_secrets() -> None:
    stream = io.StringIO()
    display = JsonDisplay(stream)
    await display.observe(small_job())
    await display.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["type"] for line in lines] == [type(event).__name__ for event in small_job()]
    assert lines[4]["node"] == {"resourceId": 3, "host": "10.0.0.3", "port": 22, "name": "web-3"}
    assert lines[8]["state"] == "failed"
    assert lines[10]["tally"]["skipped"] == 1
    assert PASSWORD not in stream.getvalue()
    assert "***" not in stream.getvalue()


async def test_json_stays_json_in_a_narrow_encoding() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await JsonDisplay(stream).observe([events.Notice(at=T0, level="INFO", text="数")])
    assert json.loads(raw.getvalue())["text"] == "数"


def test_every_kind_of_event_can_be_encoded() -> None:
    operation = events.OperationEnded(
        at=T0, phase="a", node=node(1), operation="o", state=State.FAILED, code=3, reason="r", seconds=1.0
    )
    assert json.loads(encode(operation))["code"] == 3


async def test_the_live_block_and_what_it_leaves() -> None:
    stream, clock = io.StringIO(), ManualClock(T0 + 4)
    display = LiveDisplay(clock, stream, console=terminal(stream), frame=0.01)
    await display.observe(small_job()[:9])
    await until(stream, "1 running")
    live = stream.getvalue()
    for part in ("job 4711", "✗ 1 failed", "web-3", "no space left", "\x1b[1;31m", "\x1b[?25l", "\x1b[?2026h"):
        assert part in live
    clock.advance(60)
    await until(stream, "1:04")
    await display.observe([events.Notice(at=T0, level="WARN", text="look\x1b[2J here"), *small_job()[9:]])
    await display.close()
    await display.close()
    final = stream.getvalue()[len(live) :]
    assert "WARN: \x1b[0mlook here" in final
    assert "job 4711 " in final
    assert "pilothouse job logs 4711 10.0.0.4-22-4" in final
    assert final.endswith("\x1b[?25h")
    assert PASSWORD not in stream.getvalue()


async def test_an_unchanged_block_is_not_painted_again() -> None:
    stream = io.StringIO()
    display = LiveDisplay(ManualClock(T0 + 4), stream, console=terminal(stream), frame=0.01)
    await display.observe(small_job()[:9])
    await until(stream, "1 running")
    await asyncio.sleep(0.1)
    assert stream.getvalue().count("job 4711") == 1
    await display.close()


async def test_no_colours_where_none_are_wanted() -> None:
    stream = io.StringIO()
    console = terminal(stream, no_color=True)
    display = LiveDisplay(ManualClock(T0 + 4), stream, console=console, frame=0.01)
    await display.observe(small_job()[:9])
    await until(stream, "1 running")
    await display.close()
    assert "xxx" in stream.getvalue()
    assert "\x1b[31m" not in stream.getvalue()
    assert "\x1b[1;31m" not in stream.getvalue()


async def test_a_broken_terminal_ends_the_display_only() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    stream = Broken()
    published = EventStream([LiveDisplay(ManualClock(T0), stream, console=terminal(stream), frame=0.01)])
    serving = asyncio.create_task(published.run())
    for event in small_job():
        published.publish(event)
    published.finish()
    await serving
    assert [type(failure) for failure in published.failures] == [BrokenPipeError]


async def test_twenty_thousand_nodes_on_a_live_display() -> None:
    stream = io.StringIO()
    display = LiveDisplay(ManualClock(T0), stream, console=terminal(stream), frame=0.01)
    await display.observe([job(20_000), phase("a", 20_000), *(start("a", node(n)) for n in range(20_000))])
    await until(stream, ", the 10 longest")
    await display.observe([job_end(State.ABORTED)])
    await display.close()
    assert "20,000 running" in stream.getvalue()


def test_the_display_suits_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    clock = ManualClock()
    assert isinstance(display_for(Terminal(), clock), LiveDisplay)
    assert isinstance(display_for(io.StringIO(), clock), PlainDisplay)
    assert isinstance(display_for(Terminal(), clock, as_json=True), JsonDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display_for(Terminal(), clock), PlainDisplay)


async def test_a_cancelled_job_gets_its_cursor_back() -> None:
    stream = io.StringIO()
    display = LiveDisplay(ManualClock(T0), stream, console=terminal(stream), frame=0.01)
    published = EventStream([display])
    serving = asyncio.create_task(published.run())
    published.publish(job(2))
    await until(stream, "\x1b[?25l")
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await display.close()
    assert stream.getvalue().endswith("\x1b[?25h")
    assert "stopped before its end" in stream.getvalue()

"""The parts of the shim that need no process: lines, numbered events, how jobs end."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from pilothouse.headless.shim.eventlog import EventLog, moment
from pilothouse.headless.shim.jobs import Jobs
from pilothouse.headless.shim.lines import Lines


@settings(max_examples=40, deadline=None)
@given(strategies.text(max_size=60), strategies.integers(4, 9), strategies.integers(1, 20))
def test_lines_lose_nothing_and_cut_no_character(text: str, limit: int, step: int) -> None:
    lines, raw = Lines(limit), text.encode("utf-8", "surrogatepass")
    found = [line for at in range(0, len(raw), step) for line in lines.feed(raw[at : at + step])] + lines.end()
    joined = "".join(line.text + ("" if line.cont else "\n") for line in found)
    expected = raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if "\r" not in text and raw.decode("utf-8", "ignore") == text:
        assert joined == expected + ("" if not expected or expected.endswith("\n") else "\n")
        assert all(len(line.text.encode()) <= limit for line in found)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def events(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]


def test_events_are_numbered_on_after_a_crash(tmp_path: Path, folder: int) -> None:
    first = EventLog(folder, "S")
    assert first.append("info", **{"#text": "one"})
    assert first.append("info", **{"#text": "two"})
    first.close()
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"#name": "lo')
    second = EventLog(folder, "S")
    assert second.last == 2
    assert second.append("info", **{"#text": "three"})
    second.close()
    assert [(each["ev"], each["#text"]) for each in events(tmp_path)] == [(1, "one"), (2, "two"), (3, "three")]


def test_a_moment() -> None:
    assert moment(1_700_000_000.0625) == "2023-11-14T22:13:20.062Z"


def test_jobs_that_the_worker_left_open() -> None:
    jobs = Jobs(3)
    jobs.begin(1, 1.0)
    jobs.finish(1, "ok", 2.0, rc=0)
    jobs.begin(2, 2.0)
    assert [(each["job"], each["state"]) for each in jobs.settle(-9, "", 3.0)] == [(2, "failed"), (3, "skipped")]
    assert (jobs.ends[1]["signal"], jobs.session_state()) == ("SIGKILL", "failed")
    assert jobs.counted() == {"jobs": 3, "ok": 1, "failed": 1, "skipped": 1}


def test_a_cancelled_job_is_no_failed_one() -> None:
    jobs = Jobs(2)
    jobs.begin(1, 1.0)
    assert [each["state"] for each in jobs.settle(-15, "enough", 3.0)] == ["cancelled", "skipped"]


def test_a_worker_that_never_began_failed_the_first_job() -> None:
    jobs = Jobs(2)
    assert [(each["state"], each.get("rc")) for each in jobs.settle(127, "", 1.0)] == [
        ("failed", 127),
        ("skipped", None),
    ]

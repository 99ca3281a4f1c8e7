"""The native tools that are programs: picking values, and maintenance windows."""

import datetime as dt
import json
from pathlib import Path

import pytest
from tests.blocks import native, words
from tests.integration.tools.running import run_on_runner
from tests.jobs import Bench, document, group, local_nodes, operation, phase

from pilothouse.jobs.states import State

DATA = '{"a": [{"b": "deep"}, 7], "c d": {"e": null}, "f": true}'


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("data['a'][0]['b']", "deep"),
        ('["a"][1]', "7"),
        (".a[0]", '{"b": "deep"}'),
        ("data['c d']", '{"e": null}'),
        ("data['a'][-1]", "7"),
        ("data.f", "true"),
        ("", json.dumps(json.loads(DATA))),
    ],
)
def test_a_value_is_picked_from_json(tmp_path: Path, selector: str, expected: str) -> None:
    ran = run_on_runner("native/getvalfromjson", "--jsontxt", DATA, "--selector", selector, folder=tmp_path)
    assert (ran.code, ran.outputs) == (0, {"extractTxtVal": expected})


@pytest.mark.parametrize(
    ("text", "selector", "said"),
    [
        (DATA, "data['x']", "there is no ['x'] at column 5"),
        (DATA, "data['a'][9]", "there is no [9] at column 10"),
        (DATA, "data[a]", "at column 5: allowed are"),
        (DATA, "data['a'].__class__('x')", "there is no .__class__ at column 10"),
        ("{", "data", "the text is no JSON"),
    ],
)
def test_a_selector_that_leads_nowhere_says_so(tmp_path: Path, text: str, selector: str, said: str) -> None:
    ran = run_on_runner("native/getvalfromjson", "--jsontxt", text, "--selector", selector, folder=tmp_path)
    assert (ran.code, ran.outputs) == (1, None)
    assert said in ran.log


def test_a_value_is_picked_from_a_text(tmp_path: Path) -> None:
    words = ("--txtval", "one\nVersion: 1.2\nversion: 3", "--selector")
    ran = run_on_runner("native/getvalfromtxt", *words, r"^version: \S+$", folder=tmp_path)
    assert ran.outputs == {"extractTxtVal": "Version: 1.2"}
    for selector in ("^nothing$", "("):
        ran = run_on_runner("native/getvalfromtxt", *words, selector, folder=tmp_path)
        assert ran.code == 1
        assert "selector" in ran.log


async def test_an_output_is_picked_from_by_an_operation_of_the_same_job(bench: Bench) -> None:
    """Native programs run on the runner for every node of the phase, with that node's outputs."""
    make = operation("make", 'printf \'{"v": {"n": "%s"}}\' "$NODE_NAME" > "$OUTPUT_PATH"', output={"v": {}})
    pick = native("extractoutval", outputkey="#{p.make_1.v}", selectortype="JsonObject", selector="data['n']")
    match = native("extractoutval", outputkey="p.make_1.v", selector="N[0-9]", number=2)
    for item in (pick, match):
        item["output"] = {"extractTxtVal": {"type": "text"}}
    say = native("echo", "${p.native/extractoutval_1.extractTxtVal}-${p.native/extractoutval_2.extractTxtVal}")
    here = operation("here", 'echo \'{"w": "from here"}\' > "$OUTPUT_PATH"', "runner", output={"w": {}})
    runners = native("extractoutval", outputkey="#{r.here_1.w}", selector="HERE", number=3)
    doc = document("2201", group(0, phase("r", here)), group(1, phase("p", make, pick, match, runners, say)))
    assert (await bench.run(doc, local_nodes(2))).state is State.SUCCEEDED
    for number in (1, 2):
        assert f"n{number}-n{number}" in bench.log("2201", "p", f"127.0.0.1-700{number}-500{number}")
    doc["jobId"] = "2202"
    pick["opt"]["outputkey"] = "p.make_1.w"
    pick["arg"] = words()
    assert (await bench.run(doc, local_nodes(1))).state is State.FAILED
    assert "no such output of this node or the runner" in bench.log("2202", "p", "127.0.0.1-7001-5001")


def test_the_maintenance_window_is_open_or_not(tmp_path: Path) -> None:
    now = dt.datetime.now().astimezone()
    early, late = now - dt.timedelta(minutes=2), now + dt.timedelta(minutes=5)
    around = f"{early:%H:%M}-{late:%H:%M}"
    other = now + dt.timedelta(days=3)
    opened = [
        around,
        f"01:00-01:00\\n{around}",
        f"WeekDay {early.isoweekday()} {around}",
        f"Date {early:%Y-%m-%d} {around}",
    ]
    for window in opened:
        assert run_on_runner("native/maintainwindow", window, folder=tmp_path).code == 0, window
    for window in [f"{late:%H:%M}-{early:%H:%M}", f"MonthDay {other:%m-%d} {around}", ""]:
        assert run_on_runner("native/maintainwindow", window, folder=tmp_path).code == 255, window
    ran = run_on_runner("native/maintainwindow", "WeekDay 9 10:00-11:00", folder=tmp_path)
    assert ran.code == 1
    assert "'9' is no weekday" in ran.log

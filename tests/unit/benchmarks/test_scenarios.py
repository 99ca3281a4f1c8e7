"""The work, and the order of the measurements."""

import subprocess

from benchmarks.scenarios import LINES, MARK, SCENARIOS, SCRIPT, UPLOAD, turns


def test_the_script_is_ten_kibibytes_and_writes_its_lines() -> None:
    assert len(SCRIPT) == 10240
    done = subprocess.run(["sh", "-c", UPLOAD], input=SCRIPT, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == LINES == SCENARIOS["w2"].lines
    assert all(MARK in line for line in lines)


def test_peers_take_turns_within_each_run() -> None:
    order = [turn.peer for turn in turns(("w1",), (10,), 3, ("a", "b", "c"))]
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_every_combination_is_measured_once_per_run() -> None:
    found = list(turns(("w1", "w2"), (10, 100), 2, ("a", "b")))
    assert len(found) == len({(t.scenario, t.nodes, t.run, t.peer) for t in found}) == 16


def test_a_scenario_with_nodes_of_its_own_comes_last_and_once() -> None:
    found = [(t.scenario, t.nodes, t.run) for t in turns(("held", "w1"), (10,), 2, ("a",))]
    assert found == [("w1", 10, 0), ("w1", 10, 1), ("held", SCENARIOS["held"].nodes, 0)]


def test_no_peer_means_no_turn() -> None:
    assert list(turns(("w1",), (10,), 2, ())) == []

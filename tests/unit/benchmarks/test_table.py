"""Medians, ratios and the text of the tables."""

from pathlib import Path

import pytest
from benchmarks.records import Record, append, read
from benchmarks.summary import cells, figures, further, marginals
from benchmarks.table import Report, grid, reason, render


def record(peer: str, cpu: float, *, nodes: int = 100, run: int = 0, scenario: str = "w1", wall: float = 2.0) -> Record:
    return Record(
        scenario=scenario,
        nodes=nodes,
        run=run,
        peer=peer,
        status="ok",
        user=cpu * 0.75,
        system=cpu * 0.25,
        wall=wall,
        peak_mib=30.0,
        good_nodes=nodes,
    )


def failed(peer: str, why: str, status: str = "failed", nodes: int = 100) -> Record:
    return Record(scenario="w1", nodes=nodes, run=0, peer=peer, status=status, reason=why)  # type: ignore[arg-type]


REPORT = Report(
    date="2026-01-02",
    machine=[("Processor", "2 cores")],
    peers={"floor": "C loop", "pilothouse": "this repository"},
    concurrency=50,
)


def line_of(text: str, peer: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {peer} |"))
    return [word.strip() for word in line.strip("|").split("|")]


def test_figures_are_medians_with_their_spread() -> None:
    found = figures([record("floor", cpu, run=run, wall=cpu * 10) for run, cpu in enumerate((0.2, 0.1, 0.4))])
    assert found.cpu == pytest.approx(0.2)
    assert found.cpu_ms_per_node == pytest.approx(2.0)
    assert found.spread == pytest.approx(1.5)
    assert found.wall == pytest.approx(2.0)
    assert found.least_wall == pytest.approx(1.0)
    assert (found.runs, found.failed, found.skipped) == (3, 0, False)


def test_a_failed_run_does_not_enter_the_median_and_is_counted() -> None:
    found = figures([record("floor", 0.2), failed("floor", "no answer"), record("floor", 0.4)])
    assert found.cpu == pytest.approx(0.3)
    assert (found.runs, found.failed, found.reason) == (2, 1, "no answer")


def test_cells_put_the_cheapest_first_and_those_without_figures_last() -> None:
    rows = cells([failed("broken", "x"), failed("slow", "y", "skipped"), record("dear", 9), record("cheap", 1)])
    assert [row.peer for row in rows["w1", 100]] == ["cheap", "dear", "broken", "slow"]


def test_ratios_stand_against_the_floor_and_against_ours() -> None:
    text = render(REPORT, [record("floor", 0.2), record("pilothouse", 0.3), record("ansible", 30.0)])
    assert line_of(text, "floor")[4:6] == ["1.0", "0.7"]
    assert line_of(text, "pilothouse")[4:6] == ["1.5", "1.0"]
    assert line_of(text, "ansible")[4:6] == ["150", "100"]


def test_without_floor_and_ours_there_are_no_ratios() -> None:
    assert line_of(render(REPORT, [record("asyncssh", 0.2)]), "asyncssh")[4:6] == ["-", "-"]


def test_failed_and_skipped_peers_stay_in_the_table() -> None:
    text = render(
        REPORT,
        [
            record("floor", 0.2),
            failed("pilothouse", "3 of 100 nodes right"),
            failed("ansible", "takes too long", "skipped"),
        ],
    )
    assert line_of(text, "pilothouse")[1] == "**failed**: 3 of 100 nodes right"
    assert line_of(text, "ansible")[1] == "not run: takes too long"


def test_a_partly_failed_peer_says_so_beside_its_figures() -> None:
    text = render(REPORT, [record("floor", 0.2), failed("floor", "lost one")])
    assert line_of(text, "floor")[-1] == "1, 1 failed: lost one"


def test_marginal_cost_is_the_slope_between_fewest_and_most_nodes() -> None:
    found = cells([record("a", 0.15, nodes=10), record("a", 0.6, nodes=100), record("b", 1.0, nodes=10)])
    (slope,) = marginals(found, "w1")
    assert (slope.peer, slope.fewest, slope.most) == ("a", 10, 100)
    assert slope.ms_per_node == pytest.approx(5.0)
    assert slope.startup == pytest.approx(0.1)
    assert "### Start-up apart" in render(REPORT, [record("a", 0.15, nodes=10), record("a", 0.6, nodes=100)])


def test_start_up_is_compared_with_bare_python() -> None:
    starts = [
        record("python -c pass", 0.01, nodes=0, scenario="startup"),
        record("pilothouse --help", 0.04, nodes=0, scenario="startup"),
    ]
    assert line_of(render(REPORT, starts), "`pilothouse --help`") == ["`pilothouse --help`", "40", "0%", "4.0", "1"]


def test_every_line_of_a_table_has_the_same_number_of_cells() -> None:
    text = render(REPORT, [record("floor", 0.2), failed("pilothouse", "a|b"), record("floor", 0.3, nodes=10)])
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    for lines in tables:
        assert len({line.count("|") for line in lines}) == 1


def test_grid() -> None:
    assert grid(("a", "b"), [("1", "2")]) == "| a | b |\n|---|---:|\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("two\n  lines", "two lines"),
        ("a | b", "a / b"),
        ("File '/home/someone/x/job.py', line 3", "File 'job.py', line 3"),
        ("3 of 10 nodes, 5/6", "3 of 10 nodes, 5/6"),
        ("x" * 200 + "y" * 200, "x" * 80 + " ... " + "y" * 80),
    ],
)
def test_reasons_are_short_and_name_no_folder(given: str, shown: str) -> None:
    assert reason(given) == shown


def test_records_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    wanted = (record("floor", 0.2), failed("ansible", "no\nanswer"))
    for each in wanted:
        append(path, each)
    assert read(path) == wanted


def test_a_further_operation_is_the_difference_between_four_and_one() -> None:
    records = [record("pilothouse", 0.4), record("pilothouse", 0.7, scenario="w4"), record("floor", 0.1)]
    (row,) = further(cells(records), "w1", "w4", 4)
    assert (row.peer, row.nodes, round(row.ms, 3)) == ("pilothouse", 100, 1.0)
    text = render(REPORT, records)
    assert "| pilothouse | 100 | 1.00 | 1.0 |" in text

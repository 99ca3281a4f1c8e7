"""The node's part of the benchmarks: its samples, its table, its command line."""

from pathlib import Path

import pytest
from benchmarks.node import cli
from benchmarks.node.cases import CASES, LAYOUTS
from benchmarks.node.peers import ORIGINAL, OURS
from benchmarks.node.samples import Sample, Samples
from benchmarks.node.table import ratio, render


def samples(ours: float, theirs: float) -> list[Sample]:
    name = CASES[0].name
    return [
        Sample(name, peer, run, cpu * (1 + run / 10), 2 * cpu, 1.0)
        for peer, cpu in ((OURS, ours), (ORIGINAL, theirs))
        for run in range(3)
    ]


@pytest.mark.parametrize(("theirs", "said"), [(0.9, "1/9.0 | 1/8 | met"), (0.5, "1/5.0 | 1/8 | **not met**")])
def test_medians_are_compared_with_the_target(theirs: float, said: str) -> None:
    text = render("2026-01-01", [("Memory", "1 GiB")], samples(0.1, theirs), [])
    assert f"| {CASES[0].name} | {said} | 0.110 | " in text
    assert "| 18% | 18% |" in text
    assert "- Load during the run: 1.0 to 1.0" in text


def test_what_failed_is_named_and_ratios_read_well() -> None:
    assert "- ours: no" in render("2026-01-01", [], [], ["ours: no"])
    assert (ratio(2.0, 1.0), ratio(1.0, 0.0)) == ("2.0", "-")


def test_a_broken_run_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "samples"
    before = Samples(path, fresh=False)
    before.add(Sample("a", OURS, 0, 1.0, 1.0, 0.0))
    after = Samples(path, fresh=False)
    assert after.has("a", OURS, 0)
    assert not after.has("a", OURS, 1)
    assert Samples(path, fresh=True).all == []


def test_cases_name_machines_and_may_be_chosen() -> None:
    assert {case.layout for case in CASES} <= {*LAYOUTS, ""}
    assert [case.name for case in cli._cases("--help, no such case")] == ["slapos --help"]
    assert cli._cases("") == list(CASES)

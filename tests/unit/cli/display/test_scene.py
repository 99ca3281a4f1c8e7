import pytest
from tests.unit.cli.display.story import T0, end, job, node, phase, say, small_job, start

from pilothouse.cli.display.board import Board
from pilothouse.cli.display.palette import FANCY, cells, plain
from pilothouse.cli.display.scene import View, scene
from pilothouse.engine import events
from pilothouse.jobs.states import State


def shown(batch: list[events.Event], width: int, height: int, now: float) -> list[str]:
    board = Board()
    board.fold_all(batch)
    return plain(scene(board, View(width=width, height=height, now=now, marks=FANCY)))


def busy_job() -> list[events.Event]:
    batch: list[events.Event] = [job(60), phase("prepare", 30), phase("deploy 部署", 30)]
    for number in range(1, 13):
        target = node(number, f"数据库-{number}")
        batch += [
            start("prepare", target, at=T0 + number),
            say("prepare", target, "first", "last words " * 30, at=T0 + number),
            end("prepare", target, State.FAILED, "no space left on device " * 5, at=T0 + number),
        ]
    for number in range(13, 31):
        batch += [start("prepare", node(number), at=T0 + number), say("prepare", node(number), "wide 宽" * 40)]
    return batch


def test_a_job_at_work() -> None:
    assert shown(small_job()[:9], 80, 23, T0 + 11) == [
        "▸ job 4711 · running · 0:11 · 11/min · ~0:05 left · run 2",
        "  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  3/4   75%",
        "  ✓ 1 ok   ↷ 1 skipped   ✗ 1 failed   ▸ 1 running",
        "",
        "  ▸ deploy  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  3/4  ✓1 ↷1 ✗1 ▸1",
        "",
        "✗ 1 failed",
        "  web-3  10.0.0.3 gave exit code 1",
        "    │ step one",
        "    │ no space left",
        "",
        "▸ 1 running",
        "  web-4  deploy  0:10",
    ]


def test_many_failures_are_cut_to_the_newest() -> None:
    lines = shown(busy_job(), 80, 23, T0 + 40)
    title = lines.index("✗ 12 failed")
    assert lines[title + 1].startswith("  数据库-12  prepare  no space left on device")
    assert lines[title + 1].endswith("…")
    assert lines[title + 9] == "  … and 4 more"
    assert any(line.startswith("▸ 18 running, the ") for line in lines)


def test_before_the_first_event() -> None:
    assert shown([], 80, 24, T0)[0] == "▸ job · starting · 0:00"


@pytest.mark.parametrize("width", [1, 10, 20, 39, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [0, 1, 2, 3, 5, 8, 14, 23, 39, 80])
def test_never_larger_than_the_terminal(width: int, height: int) -> None:
    for batch in (busy_job(), small_job(), small_job()[:3]):
        lines = shown(batch, width, height, T0 + 40)
        assert len(lines) <= height
        assert all(cells(line) <= width for line in lines)

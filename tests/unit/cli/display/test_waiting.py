"""Nodes that wait for an answer, as the live and plain displays show them."""

import pytest
from tests.unit.cli.display.story import T0, end, job, node, phase, start

from pilothouse.cli.display.board import Board, Standing
from pilothouse.cli.display.palette import FANCY, cells, plain
from pilothouse.cli.display.progress import encode
from pilothouse.cli.display.scene import View, scene
from pilothouse.cli.display.wording import tell, working
from pilothouse.engine import events
from pilothouse.jobs.states import State

INTERACT: dict[str, object] = {"message": "Go on\nnow?", "options": ["Yes", "No"], "opType": "button"}


def ask(number: int, interact: dict[str, object] | None = INTERACT) -> events.Event:
    return events.NodeWaiting(at=T0 + 5, phase="deploy", node=node(number), interact=interact)


def story(count: int) -> list[events.Event]:
    numbers = range(1, count + 1)
    return [job(count + 1), phase("deploy", count + 1), *(start("deploy", node(n)) for n in [*numbers, count + 1])]


def test_the_live_display_shows_the_question_and_how_to_answer() -> None:
    board = Board()
    board.fold_all([*story(1), ask(1)])
    lines = plain(scene(board, View(width=80, height=20, now=T0 + 10, marks=FANCY)))
    assert lines[2] == "  ? 1 waiting   ▸ 1 running"
    assert lines[3:7] == [
        "",
        "? 1 waiting for an answer",
        "  web-1  Go on now? (Yes, No)",
        "    pilothouse job answer 4711 1 VALUE",
    ]
    assert [running.node.resource_id for running in board.longest(5)] == [2]
    board.fold(ask(1, None))
    assert "waiting" not in "\n".join(plain(scene(board, View(width=80, height=20, now=T0 + 10, marks=FANCY))))
    assert (board.counts[Standing.WAITING], board.counts[Standing.RUNNING]) == (0, 2)


@pytest.mark.parametrize("height", range(1, 30))
def test_questions_never_fill_more_than_the_screen(height: int) -> None:
    board = Board()
    board.fold_all([*story(9), *(ask(n) for n in range(1, 10)), end("deploy", node(10), State.FAILED, "no")])
    lines = plain(scene(board, View(width=30, height=height, now=T0 + 10, marks=FANCY)))
    assert len(lines) <= height
    assert all(cells(line) <= 30 for line in lines)


def test_a_node_that_waits_counts_as_open_and_ends_as_any_other() -> None:
    board = Board()
    board.fold_all([*story(1), end("deploy", node(2)), ask(1)])
    assert (board.counts.open, board.counts.done, working(board)) == (1, 1, True)
    board.fold(end("deploy", node(1), State.ABORTED))
    assert (board.counts[Standing.ABORTED], board.counts[Standing.WAITING], board.asking()) == (1, 0, [])
    board.fold(ask(1))
    assert board.counts.open == 0


def test_the_plain_display_says_who_asks_what_and_how_to_answer() -> None:
    board = Board()
    board.fold_all([*story(1), ask(1)])
    assert [line[9:] for line in tell(ask(1), board)] == [
        "waiting: web-1 (10.0.0.1) in deploy asks: Go on now? (Yes, No)",
        "  | pilothouse job answer 4711 1 VALUE",
    ]
    assert [line[9:] for line in tell(ask(1, None), board)] == ["waiting no longer: web-1 (10.0.0.1) in deploy"]


@pytest.mark.parametrize(
    "interact", [{}, {"message": 5, "options": "x"}, {"message": "\x1b[2J", "options": [{}, None]}]
)
def test_strange_questions_are_shown_all_the_same(interact: dict[str, object]) -> None:
    board = Board()
    board.fold_all([*story(1), ask(1, interact)])
    assert "\x1b" not in "".join(plain(scene(board, View(width=80, height=20, now=T0, marks=FANCY))))
    assert encode(ask(1, interact))

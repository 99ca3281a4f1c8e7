import time

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cli.display.story import T0, end, job, job_end, node, phase, phase_end, say, skip, small_job, start

from pilothouse.cli.display.board import Board, Standing
from pilothouse.engine import events
from pilothouse.jobs.states import State, Tally

ENDS = (State.SUCCEEDED, State.IGNORED, State.FAILED, State.ABORTED, State.PAUSED, State.COMPLETED)


def folded(batch: list[events.Event]) -> Board:
    board = Board()
    board.fold_all(batch)
    return board


def numbers(board: Board) -> dict[str, int]:
    return {standing.value: board.counts[standing] for standing in Standing if board.counts[standing]}


def test_counts_follow_the_events() -> None:
    board = folded(small_job()[:7])
    assert numbers(board) == {"skipped": 1, "running": 3}
    board = folded(small_job())
    assert numbers(board) == {"skipped": 1, "succeeded": 1, "failed": 2}
    assert board.state is State.FAILED
    assert board.phases["deploy"].state is State.FAILED
    assert board.active() == []
    assert board.elapsed(T0 + 1000) == 5.0


def test_phases_count_for_themselves() -> None:
    board = folded([job(5), phase("a", 2), start("a", node(1)), end("a", node(1)), phase("b", 3), start("b", node(1))])
    assert board.phases["a"].counts[Standing.SUCCEEDED] == 1
    assert board.phases["b"].counts[Standing.RUNNING] == 1
    assert [active.name for active in board.active()] == ["a", "b"]
    assert numbers(board) == {"succeeded": 1, "running": 1, "pending": 3}


def test_rounds_and_groups_are_current() -> None:
    board = folded(
        [
            job(4),
            events.GroupStarted(at=T0, group=2, strategy="grayScale"),
            phase("a", 4, group=2),
            events.RoundStarted(at=T0, phase="a", round=2, rounds=3, total=2),
        ]
    )
    assert (board.group, board.strategy) == (2, "grayScale")
    assert (board.phases["a"].round, board.phases["a"].rounds) == (2, 3)


def test_a_node_taken_up_again_is_no_failure_any_more() -> None:
    board = folded([job(1), phase("a", 1), start("a", node(1)), end("a", node(1), State.FAILED, "lost")])
    assert len(board.failures) == 1
    board.fold(start("a", node(1)))
    assert len(board.failures) == 0
    assert board.failures.by_reason() == []
    assert numbers(board) == {"running": 1}


def test_failures_are_newest_first_with_their_last_lines() -> None:
    newest = folded(small_job()).failures.newest(5)
    assert [failure.node.resource_id for failure in newest] == [4, 3]
    assert newest[1].tail == ("step one", "no space left")
    assert newest[1].reason == "10.0.0.3 gave exit code 1"


def test_only_the_last_lines_of_a_node_are_kept() -> None:
    board = folded([job(1), phase("a", 1), start("a", node(1)), say("a", node(1), *map(str, range(50)), "x" * 10_000)])
    tail = board.longest(1)[0].tail
    assert list(tail)[:2] == ["48", "49"]
    assert len(tail[-1]) == 400


def test_longest_running_come_first() -> None:
    batch = [job(3), phase("a", 3), *(start("a", node(n), at=T0 + n) for n in (1, 2, 3)), end("a", node(1), at=T0 + 9)]
    assert [running.node.resource_id for running in folded(batch).longest(5)] == [2, 3]


def test_rate_and_time_left_come_from_event_times() -> None:
    batch: list[events.Event] = [job(100), phase("a", 100)]
    for second in range(1, 41):
        batch += [start("a", node(second), at=T0 + second), end("a", node(second), at=T0 + second)]
    board = folded(batch)
    assert board.rate() == 1.0
    assert board.left() == 60.0
    assert board.rate(T0 + 55) == 0.5
    assert board.rate(T0 + 500) == 0.0


def test_nobody_can_say_how_long_before_anything_ended() -> None:
    board = folded([job(2), phase("a", 2), start("a", node(1))])
    assert board.left(T0 + 10) is None
    assert folded(small_job()).left() is None


def test_equal_reasons_are_one_but_for_the_name_of_the_node() -> None:
    (group,) = folded(small_job()).failures.by_reason()
    assert (group.reason, group.count) == ("<node> gave exit code 1", 2)
    assert [member.resource_id for member in group.nodes] == [3, 4]


TARGETS = st.integers(min_value=1, max_value=6).map(node)
NAMES = st.sampled_from(["a", "b"])
STORY = st.lists(
    st.one_of(
        st.builds(job, st.integers(0, 8)),
        st.builds(phase, NAMES, st.integers(0, 8)),
        st.builds(start, NAMES, TARGETS),
        st.builds(end, NAMES, TARGETS, st.sampled_from(ENDS), st.sampled_from(["", "lost", "code 1"])),
        st.builds(skip, NAMES, TARGETS),
        st.builds(say, NAMES, TARGETS, st.text()),
        st.builds(phase_end, NAMES, st.sampled_from([State.SUCCEEDED, State.FAILED]), st.just(Tally())),
        st.builds(job_end, st.sampled_from([State.SUCCEEDED, State.FAILED])),
    ),
    max_size=60,
)


@given(STORY)
def test_any_events_leave_sound_counts(batch: list[events.Event]) -> None:
    board = Board()
    for event in batch:
        board.fold(event)
        for counts in (board.counts, *(seen.counts for seen in board.phases.values())):
            assert all(counts[standing] >= 0 for standing in Standing)
        for standing in set(Standing) - {Standing.PENDING}:
            assert board.counts[standing] == sum(seen.counts[standing] for seen in board.phases.values())
        assert board.counts.total >= sum(seen.counts.total for seen in board.phases.values())
        assert len(board.failures) == board.counts[Standing.FAILED]
        assert sum(group.count for group in board.failures.by_reason()) == len(board.failures)
        assert len(board.longest(100)) == board.counts[Standing.RUNNING]


@given(st.lists(st.sampled_from(ENDS), max_size=8))
def test_the_sum_is_the_announced_total(ends: list[State]) -> None:
    batch = [job(8), phase("a", 8)]
    for number, state in enumerate(ends):
        batch += [start("a", node(number)), end("a", node(number), state)]
    board = folded(batch)
    assert board.counts.total == 8
    assert board.counts.done == len(ends)


def test_twenty_thousand_failing_nodes_stay_bounded_and_quick() -> None:
    board = Board()
    board.fold_all([job(20_000), phase("a", 20_000)])
    began = time.process_time()
    for number in range(20_000):
        target = node(number)
        board.fold(start("a", target, at=T0 + number / 100))
        board.fold(say("a", target, "one", "two", "three", "four", at=T0 + number / 100))
        board.fold(end("a", target, State.FAILED, f"odd number {number}", at=T0 + number / 100))
    # Three events a node; generous, because what is looked for is a cost that grows with the nodes.
    assert time.process_time() - began < 10
    assert board.counts[Standing.FAILED] == 20_000
    assert len(board.failures.newest(20_000)) == 100
    groups = board.failures.by_reason()
    assert len(groups) == 101
    assert sum(group.count for group in groups) == 20_000
    assert max(len(group.nodes) for group in groups) == 50
    assert board.longest(10) == []

"""The state machine, tallies and end states (spec sections 4.6 and 5.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.states import (
    FINISHED,
    State,
    Tally,
    from_legacy,
    job_state,
    legacy_word,
    may_move,
    phase_state,
    tally,
)

STATES = st.sampled_from(list(State))


@given(STATES, STATES)
def test_a_finished_state_is_left_by_force_only(before: State, after: State) -> None:
    if before.finished:
        assert not may_move(before, after)
        assert may_move(before, after, force=True) is (after is State.RUNNING)


@given(STATES, STATES)
def test_force_opens_finished_states_only(before: State, after: State) -> None:
    if not before.finished:
        assert may_move(before, after) is may_move(before, after, force=True)


@given(STATES)
def test_nothing_moves_to_itself_or_back_to_pending(state: State) -> None:
    assert not may_move(state, state, force=True)
    assert not may_move(state, State.PENDING, force=True)


@pytest.mark.parametrize("state", [State.FAILED, State.ABORTED, State.PAUSED, State.PENDING])
def test_what_did_not_succeed_runs_again(state: State) -> None:
    assert may_move(state, State.RUNNING)
    assert not state.finished


@pytest.mark.parametrize("state", sorted(FINISHED | {State.FAILED, State.ABORTED, State.PAUSED, State.WAITING}))
def test_whatever_runs_may_end(state: State) -> None:
    assert may_move(State.RUNNING, state)


def test_a_pending_node_cannot_succeed_without_running() -> None:
    assert not any(may_move(State.PENDING, state, force=True) for state in (*FINISHED, State.FAILED))


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.PENDING, "pending"),
        (State.RUNNING, "running"),
        (State.WAITING, "waitInput"),
        (State.SUCCEEDED, "succeed"),
        (State.IGNORED, "ignored"),
        (State.COMPLETED, "completed"),
        (State.FAILED, "failed"),
        (State.ABORTED, "aborted"),
        (State.PAUSED, "paused"),
    ],
)
def test_documented_words(state: State, word: str) -> None:
    assert legacy_word(state) == word
    assert from_legacy(word) is state


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="fin_failed"):
        from_legacy("fin_failed")


@pytest.mark.parametrize(
    ("counts", "aborting", "stopping", "expected"),
    [
        (Tally(succeeded=3), False, False, State.SUCCEEDED),
        (Tally(), False, False, State.SUCCEEDED),
        (Tally(skipped=3), False, False, State.SUCCEEDED),
        (Tally(succeeded=2, ignored=1), False, False, State.COMPLETED),
        (Tally(succeeded=2, failed=1, ignored=1), False, False, State.FAILED),
        (Tally(succeeded=2, failed=1), True, False, State.ABORTED),
        (Tally(succeeded=2), True, False, State.ABORTED),
        (Tally(succeeded=2), False, True, State.PAUSED),
        (Tally(ignored=2), False, True, State.PAUSED),
        (Tally(succeeded=1, paused=1), False, False, State.PAUSED),
        (Tally(failed=1, paused=1), False, True, State.FAILED),
    ],
)
def test_how_a_phase_ends(counts: Tally, aborting: bool, stopping: bool, expected: State) -> None:
    assert phase_state(counts, aborting=aborting, stopping=stopping) is expected


@pytest.mark.parametrize(
    ("phases", "aborting", "pausing", "expected"),
    [
        ([], False, False, State.SUCCEEDED),
        ([State.SUCCEEDED], False, False, State.SUCCEEDED),
        ([State.SUCCEEDED, State.COMPLETED], False, False, State.COMPLETED),
        ([State.FAILED, State.PAUSED], False, False, State.FAILED),
        ([State.PAUSED, State.SUCCEEDED], False, False, State.PAUSED),
        ([State.SUCCEEDED], False, True, State.PAUSED),
        ([State.FAILED], True, False, State.ABORTED),
        ([State.ABORTED, State.FAILED], False, False, State.ABORTED),
    ],
)
def test_how_a_job_ends(phases: list[State], aborting: bool, pausing: bool, expected: State) -> None:
    assert job_state(phases, aborting=aborting, pausing=pausing) is expected


@given(st.lists(STATES), st.integers(0, 5))
def test_a_tally_counts_every_end_once(states: list[State], skipped: int) -> None:
    counts = tally(states, skipped)
    ends = {State.SUCCEEDED, State.IGNORED, State.FAILED, State.ABORTED}
    assert counts.ended == sum(state in ends for state in states) + skipped
    assert counts.paused == states.count(State.PAUSED)

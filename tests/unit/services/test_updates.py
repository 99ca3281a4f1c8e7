"""What one more request changes (6.3)."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.services.instance import InstanceRequest
from pilothouse.services.updates import again, first, in_force, moved

states = st.sampled_from(["started", "stopped", "destroyed"])
requests = st.builds(
    InstanceRequest,
    title=st.just("t"),
    software_url=st.sampled_from(["u", "v"]),
    software_type=st.sampled_from(["", "default", "other"]),
    parameters=st.dictionaries(st.sampled_from("ab"), st.sampled_from("12")),
    state=st.none() | states,
)
times = st.floats(min_value=1e9, max_value=4e9)


@given(requests, st.none() | states, times, times)
def test_the_same_again_changes_nothing(asked: InstanceRequest, root: Any, now: float, later: float) -> None:
    held = first(asked, root, now)
    assert again(held, asked, root, later) == held
    assert again(held, msgspec.structs.replace(asked, state=None), root, later) == held


@given(st.lists(st.tuples(requests, st.none() | states, times), min_size=1))
def test_the_timestamp_moves_exactly_with_what_matters(steps: list[tuple[InstanceRequest, Any, float]]) -> None:
    asked, root, now = steps[0]
    held = first(asked, root, now)
    last_asked = asked.state or "started"
    for asked, root, now in steps[1:]:
        after = again(held, asked, root, now)
        last_asked = asked.state or last_asked
        assert after.state == (last_asked if root in {None, "started"} else root)
        assert after.software_type == (asked.software_type or "default")
        matters = [(each.software_url, each.software_type, each.parameters, each.state) for each in (held, after)]
        assert (after.timestamp > held.timestamp) == (matters[0] != matters[1])
        assert after.timestamp >= held.timestamp
        held = after


@given(times, times)
def test_a_moved_timestamp_is_later_whatever_the_clock_says(before: float, now: float) -> None:
    assert moved(before, now) > before
    assert moved(before, now) >= now
    assert str(moved(before, now)) != str(before)


def test_a_child_comes_back_with_its_root() -> None:
    assert [in_force("started", root) for root in (None, "started", "stopped", "destroyed")] == [
        "started", "started", "stopped", "destroyed",
    ]  # fmt: skip
    assert in_force("stopped", "started") == "stopped"


def test_backups_are_kept() -> None:
    asked = InstanceRequest(title="t", software_url="u", software_type="pull-backup")
    assert first(asked, None, 1.0).filter == {"retention_delay": "7.0"}
    asked = msgspec.structs.replace(asked, filter={"retention_delay": "1"})
    assert first(asked, None, 1.0).filter == {"retention_delay": "1"}

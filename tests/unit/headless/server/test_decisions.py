"""The decisions of the headless server: tables, rights, single flight, bounds; no I/O."""

import itertools
from typing import Any

import pytest

from pilothouse.errors import UsageError
from pilothouse.headless.server import bounds, flight, rights, states
from pilothouse.headless.server.bounds import Bounds, Load, SessionLimits
from pilothouse.headless.server.flight import Busy, Claim, Go, Join, Standing, Wait
from pilothouse.headless.server.identifiers import is_sid, ulid
from pilothouse.headless.server.states import Event


def test_every_way_ends_and_an_end_is_kept() -> None:
    for state, event in itertools.product(states.ENDED, Event):
        assert states.follow(state, event) == state
    reached = {"queued"}
    for _ in states.LIVE | states.ENDED:
        reached |= {after for (before, _), after in states._TABLE.items() if before in reached}
    assert reached == states.LIVE | states.ENDED


@pytest.mark.parametrize(
    ("state", "event"), [("queued", Event.ALL_OK), ("starting", Event.CANCELLED), ("cancelling", Event.ALL_OK)]
)
def test_what_cannot_happen_is_refused(state: str, event: Event) -> None:
    with pytest.raises(ValueError, match="cannot be told"):
        states.follow(state, event)


def test_nothing_is_granted_by_default() -> None:
    none = rights.parse(())
    assert not none.may_open("OK1")
    assert not none.may_run("jobs", "a.py")
    assert not any((none.code, none.may_see(own=True), none.may_cancel(own=True)))


def test_rights() -> None:
    some = rights.parse(["module:009*", "file:jobs/night/*", "see:own", "cancel:any"])
    assert (some.may_open("009dlk"), some.may_open("010DLK")) == (True, False)
    assert (some.may_run("jobs", "night/a.py"), some.may_run("jobs", "a.py"), some.may_run("other", "night/a.py")) == (
        True, False, False,
    )  # fmt: skip
    assert (some.may_see(own=True), some.may_see(own=False), some.may_cancel(own=False)) == (True, False, True)


@pytest.mark.parametrize(
    "word", ["", "module:", "module", "file:a.py", "file:/a", "code:yes", "see:all", "root", "Code"]
)
def test_words_that_are_no_right(word: str) -> None:
    with pytest.raises(UsageError, match="give one of"):
        rights.parse([word])


HELD = {"k": {0: Standing("A")}}
SAME = {"k": {0: Standing("A", True)}}


@pytest.mark.parametrize(
    ("policy", "held", "waiting", "decision"),
    [
        ("refuse", {}, {}, Go((("k", 0),))),
        ("refuse", HELD, {}, Busy("A")),
        ("refuse", {}, {"k": [Standing("B")]}, Busy("B")),
        ("queue", HELD, {}, Wait()),
        ("queue", HELD, {"k": [Standing("B")]}, Busy("A")),
        ("attach", SAME, {}, Join("A")),
        ("attach", HELD, {}, Busy("A")),
        ("replace", HELD, {"k": [Standing("B")]}, Wait(("A", "B"))),
    ],
)
def test_single_flight(policy: Any, held: Any, waiting: Any, decision: Any) -> None:
    assert flight.decide([Claim("k", policy)], held, waiting) == decision


def test_so_many_at_once_and_all_keys_or_none() -> None:
    two = Claim("k", "refuse", slots=2)
    assert flight.decide([two], HELD, {}) == Go((("k", 1),))
    assert flight.decide([two], {"k": {0: Standing("A"), 1: Standing("B")}}, {}) == Busy("A")
    both = [Claim("z", "queue"), Claim("k", "queue")]
    assert flight.decide(both, {}, {}) == Go((("k", 0), ("z", 0)))
    assert flight.decide(both, HELD, {}) == Wait()
    assert flight.decide([Claim("z", "queue"), Claim("k")], {**HELD, "z": {0: Standing("C")}}, {}) == Busy("A")
    assert flight.ready(both, HELD, frozenset()) is None
    assert flight.ready(both, {}, frozenset({"z"})) is None, "an older one waits for it"
    assert flight.ready(both, {}, frozenset()) == Go((("k", 0), ("z", 0)))


def test_bounds() -> None:
    assert bounds.full(Bounds(per_user=2), Load(1, 0, 2)) != ""
    assert bounds.full(Bounds(queue=1), Load(1, 1, 0)) != ""
    assert bounds.full(Bounds(), Load(64, 3, 1)) == ""
    assert (bounds.has_slot(Bounds(max_sessions=1), 1), bounds.has_slot(Bounds(max_sessions=2), 1)) == (False, True)


def test_limits_are_narrowed_and_never_widened() -> None:
    found = bounds.narrowed(SessionLimits(runtime=100, cpu=0), {"runtime": 500, "files": 10}, {"cpu": 5, "files": 20})
    assert (found["runtime"], found["cpu"], found["files"]) == (100, 5, 10)
    assert bounds.named_numbers(["runtime=5", "cpu=1.5"]) == {"runtime": 5.0, "cpu": 1.5}
    for word in ("runtime", "runtime=", "runtime=-1", "runtime=nan"):
        with pytest.raises(UsageError):
            bounds.named_numbers([word])


def test_ids_sort_by_time() -> None:
    made = [ulid(1_700_000_000 + second) for second in range(5)]
    assert made == sorted(made)
    assert all(is_sid(each) for each in made)
    assert not any(is_sid(each) for each in ("", "../" * 8 + "ab", "0" * 25, made[0].lower()))

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.display.ranges import compact, expand, named, natural

NAMES = st.text(st.sampled_from("ab-.0123456789"), min_size=1, max_size=8)
ANY = st.text(st.characters(exclude_characters="[],"), max_size=12)


def test_a_row_of_machines_is_one_pattern() -> None:
    assert compact(f"web-{n}" for n in range(1, 998)) == ["web-[1-997]"]


def test_gaps_zeros_and_domains() -> None:
    assert compact(["w1", "w2", "w3", "w7", "w9", "w10"]) == ["w[1-3,7,9-10]"]
    assert compact(["n08", "n09", "n10", "n11"]) == ["n[08-11]"]
    assert compact(["n8", "n08"]) == ["n8", "n08"] or compact(["n8", "n08"]) == ["n08", "n8"]
    assert compact(["a1.lan", "a2.lan", "b1.lan"]) == ["a[1-2].lan", "b1.lan"]
    assert compact(["web-1.v2", "web-2.v2"]) == ["web-[1-2].v2"]
    assert compact(["10.0.0.1", "10.0.0.2", "10.0.1.1"]) == ["10.0.0.[1-2]", "10.0.1.1"]


def test_order_is_natural_and_names_count_once() -> None:
    assert compact(["b", "web-10", "a", "a"]) == ["a", "b", "web-10"]
    assert sorted(["web-10", "web-9"], key=natural) == ["web-9", "web-10"]


def test_names_with_brackets_stand_for_themselves() -> None:
    assert compact(["x[1]", "x[2]", "y,1", "y,2"]) == ["x[1]", "x[2]", "y,1", "y,2"]


def test_a_pattern_of_too_many_is_left_alone() -> None:
    assert expand("w[1-99999999999]") == ["w1-99999999999"]


@given(st.lists(NAMES, max_size=60))
def test_patterns_stand_for_exactly_the_names(names: list[str]) -> None:
    found = [name for pattern in compact(names) for name in expand(pattern)]
    assert sorted(found) == sorted(set(names))


@given(st.lists(ANY, max_size=20))
def test_any_names_survive(names: list[str]) -> None:
    found = [name for pattern in compact(names) for name in expand(pattern)]
    assert sorted(found) == sorted(set(names))


@given(st.lists(NAMES, max_size=40))
def test_never_more_patterns_than_names(names: list[str]) -> None:
    assert len(compact(names)) <= len(set(names))


def test_ten_thousand_names_are_fast() -> None:
    started = time.monotonic()
    assert compact(f"rack{n % 10}-web-{n}.example.com" for n in range(10_000))
    assert time.monotonic() - started < 2


def test_long_lists_are_cut_and_counted() -> None:
    assert named(f"w{n}" for n in range(0, 100, 2)) == "w[0,2,4,6,8,10,12,14,16,18,20,22,24,26] and 36 more"
    assert named(["a", "b", "w1", "w2"]) == "a, b, w[1-2]"
    assert named(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert named([]) == ""
    assert named(["a", "b"], total=7) == "a, b and 5 more"


@given(st.lists(NAMES, max_size=40), st.integers(1, 5))
def test_cut_lists_count_every_name(names: list[str], most: int) -> None:
    text, _, rest = named(names, most).partition(" and ")
    told = [name for pattern in re.split(", ", text) for name in expand(pattern)] if names else []
    assert set(told) <= set(names)
    assert len(told) + int((rest or "0 more").split()[0]) == len(set(names))

"""What filters ask for, and what satisfies them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.services.allocation import (
    CATEGORIES,
    IGNORED,
    Candidate,
    choose,
    holds,
    host_partition,
    satisfies,
    wanted,
)
from pilothouse.services.policy import PRODUCTION, PROXY, Policy
from pilothouse.services.tree import destroyed_report, too_big

NAMED = ("computer_guid", "instance_guid", "network_guid", "project_guid", "capability")
texts = st.text("abc/", min_size=1, max_size=4)
filters = st.dictionaries(st.sampled_from([*NAMED, *sorted(CATEGORIES), *sorted(IGNORED)]), texts)
nodes = st.builds(
    Candidate,
    reference=texts,
    project=texts,
    categories=st.dictionaries(st.sampled_from(["region", "memory_size", "network_guid"]), texts),
)


@given(filters, st.text(min_size=1).filter(lambda key: key not in {*NAMED, *CATEGORIES, *IGNORED}), texts)
def test_an_unknown_key_is_never_satisfied_where_it_counts(known: dict[str, str], key: str, value: str) -> None:
    assert not wanted(known, PRODUCTION).impossible
    want = wanted({**known, key: value}, PRODUCTION)
    assert key in want.impossible
    assert not satisfies(Candidate(reference=want.computer, project=want.project), want)
    assert not wanted({**known, key: value}, PROXY).impossible


@given(filters, st.lists(nodes))
def test_what_is_chosen_is_what_was_asked_in_the_order_given(asked: dict[str, str], those: list[Candidate]) -> None:
    want = wanted(asked, PRODUCTION)
    chosen = list(choose(those, want))
    assert [node for node in those if node in chosen] == chosen
    for node in chosen:
        assert asked.get("computer_guid", node.reference) == node.reference
        assert asked.get("project_guid", node.project) == node.project
        for key in CATEGORIES & asked.keys():
            assert f"{node.categories[key]}/".startswith(f"{asked[key]}/")


@given(nodes)
def test_who_asks_for_nothing_takes_any(node: Candidate) -> None:
    assert satisfies(node, wanted({}, PRODUCTION))
    assert satisfies(node, wanted({"retention_delay": "7", "computer_guid": ""}, PRODUCTION))


@given(filters)
def test_a_proxy_looks_at_the_computer_alone(asked: dict[str, str]) -> None:
    want = wanted(asked, PROXY)
    assert want.computer == asked.get("computer_guid", "local_computer")
    assert (want.network, want.project, want.capability, want.categories) == ("", "", "", {})


def test_partitions_with_capabilities_are_for_those_who_ask() -> None:
    assert holds([], wanted({}, PRODUCTION))
    assert not holds(["gpu"], wanted({}, PRODUCTION))
    assert holds(["fpga", "gpu"], wanted({"capability": "gpu"}, PRODUCTION))
    assert not holds([], wanted({"capability": "gpu"}, PRODUCTION))


@pytest.mark.parametrize(
    ("name", "computer", "place"),
    [
        ("slappart3", "c1", ("c1", "slappart3")),
        ("c1-slappart3", "c1", ("c1", "slappart3")),
        ("COMP-12-slappart3", "", ("COMP-12", "slappart3")),
        ("slappart3", "", ("", "slappart3")),
    ],
)
def test_hosts_are_named_by_their_slot(name: str, computer: str, place: tuple[str, str]) -> None:
    assert host_partition(name, computer) == place


def test_trees_end_somewhere() -> None:
    policy = Policy(members=3, depth=2)
    assert too_big(2, 2, policy) == ""
    assert "3 instances" in too_big(3, 1, policy)
    assert "3 levels" in too_big(0, 3, policy)


def test_a_root_goes_last() -> None:
    assert destroyed_report(meant=True, children=[]) == ""
    assert "nobody asked" in destroyed_report(meant=False, children=["a"])
    assert destroyed_report(meant=True, children=["a", "b"]).endswith("child partitions: a, b")

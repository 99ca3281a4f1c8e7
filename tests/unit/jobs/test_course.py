"""The way through a tree of operations, the turns of its loops, and what is seen from where."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.course import Step, advance, course
from pilothouse.jobs.document import Choice, Kind, Loop, Operation, each
from pilothouse.jobs.turns import Turn, folded, is_turn, key_of, operation_of, seen_from, stale


def leaf(name: str) -> Operation:
    return Operation(id=name, name=name, kind=Kind.TARGET)


def choice(name: str, then: list[Operation], otherwise: list[Operation]) -> Operation:
    block = Choice(condition=name, then=tuple(then), otherwise=tuple(otherwise))
    return Operation(id=name, name="native/IF-Block", kind=Kind.NATIVE, block=block)


def loop(name: str, *operations: Operation) -> Operation:
    block = Loop(items=name, variable=name, operations=operations)
    return Operation(id=name, name="native/LOOP-Block", kind=Kind.NATIVE, block=block)


def walk(operations: tuple[Operation, ...], answers: dict[str, Any]) -> list[str]:
    """Return the keys of all leaves, blocks being answered by their ids."""
    steps = course(operations)
    answer = None
    found = []
    while step := advance(steps, answer):
        answer = answers.get(step.operation.id)
        if step.operation.block is None:
            found.append(step.key)
    return found


TREE = (
    leaf("a"),
    choice("if", [leaf("b"), loop("inner", leaf("c"))], [leaf("d")]),
    loop("outer", leaf("e"), loop("deep", choice("when", [leaf("f")], []))),
    leaf("z"),
)


def test_branches_and_turns_in_order() -> None:
    answers = {"if": True, "inner": ["x", "y"], "outer": [1, 2], "deep": [1, 2], "when": True}
    expected = ["a", "b", "c#0", "c#1", "e#0", "f#0#0", "f#0#1", "e#1", "f#1#0", "f#1#1", "z"]
    assert walk(TREE, answers) == expected
    assert walk(TREE, {"if": False, "outer": []}) == ["a", "d", "z"]


def test_a_block_without_an_answer_is_passed_over() -> None:
    assert walk(TREE, {}) == ["a", "z"]


def test_every_operation_has_its_place() -> None:
    places = {operation.id: place for place, operation in each(TREE, "$")}
    assert places["c"] == "$[1].if[1].operations[0]"
    assert places["d"] == "$[1].else[0]"
    assert places["f"] == "$[2].operations[1].operations[0].if[0]"


@given(st.text("ab_/1", min_size=1), st.lists(st.integers(0, 99), min_size=1, max_size=3))
def test_keys_lead_back_to_their_operations(name: str, indexes: list[int]) -> None:
    inside = Loop(items="", variable="i")
    key = key_of(name, tuple(Turn(inside, index, None) for index in indexes))
    assert is_turn(key)
    assert not is_turn(name)
    assert operation_of(key) == name == operation_of(name)


RECORDED = {
    "a": {"v": 0},
    "e#0": {"v": "e0"},
    "e#1": {"v": "e1"},
    "e#10": {"v": "e10"},
    "f#0#0": {"v": "f00"},
    "f#0#1": {"v": "f01"},
    "f#1#0": {"v": "f10"},
}


def test_outputs_of_turns_are_folded_in_their_order() -> None:
    shown = folded(RECORDED)
    assert shown["e"] == {"v": "e10"}
    assert [turn["v"] for turn in shown["e.loop"]] == ["e0", "e1", "e10"]
    assert [turn["v"] for turn in shown["f.loop"]] == ["f00", "f01", "f10"]
    assert set(shown) == {"a", "e", "e.loop", "f", "f.loop"}


def test_a_turn_sees_itself_and_what_was_before_never_what_an_earlier_run_left_of_later_ones() -> None:
    outer, deep = TREE[2].block, TREE[2].block.operations[1].block  # type: ignore[union-attr]
    assert isinstance(outer, Loop)
    assert isinstance(deep, Loop)
    first = Turn(outer, 0, "x")
    seen = seen_from(RECORDED, (first, Turn(deep, 0, "y")))
    assert (seen["e"], seen["f"]) == ({"v": "e0"}, {"v": "f00"})
    seen = seen_from(RECORDED, (first,))
    assert (seen["e"], seen["f"]) == ({"v": "e0"}, {"v": "f01"})
    elsewhere = Turn(Loop(items="", variable="i"), 0, "x")
    assert seen_from(RECORDED, (elsewhere,)) == folded(RECORDED)
    assert Step(leaf("f"), (first, Turn(deep, 1, "y"))).key == "f#0#1"


def test_turns_that_a_shorter_loop_will_not_take() -> None:
    outer, deep = TREE[2].block, TREE[2].block.operations[1].block  # type: ignore[union-attr]
    assert isinstance(outer, Loop)
    assert isinstance(deep, Loop)
    assert stale(RECORDED, outer, (), 1) == ["e#1", "e#10", "f#1#0"]
    assert stale(RECORDED, deep, (Turn(outer, 0, "x"),), 1) == ["f#0#1"]
    assert stale(RECORDED, outer, (), 11) == []

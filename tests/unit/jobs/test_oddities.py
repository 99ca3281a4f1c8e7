import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.oddities import oddities

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["runFlow", "phases", "operations", "desc", "arg", "if", "type", "execStrategy"])


def document(operation: dict[str, Any], **group: Any) -> dict[str, Any]:
    return {"runFlow": [{"groupNo": 0, "phases": [{"phaseName": "a", "operations": [operation]}], **group}]}


def told(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item.place, item.text) for item in oddities(value)]


def test_a_strategy_that_no_engine_knows() -> None:
    [(place, text)] = told(document({}, execStrategy="grayscale"))
    assert place == "$.runFlow[0].execStrategy"
    assert text == '"grayscale" is taken as oneShot; known are oneShot and grayScale'
    for word in ("oneShot", "grayScale", "", None):
        assert told(document({}, execStrategy=word)) == []


@pytest.mark.parametrize(("slip", "meant"), [("failIgnor", "failIgnore"), ("opid", "opId"), ("Output", "output")])
def test_a_field_that_is_nearly_a_known_one(slip: str, meant: str) -> None:
    below = "$.runFlow[0].phases[0].operations[0]"
    assert told(document({slip: 1})) == [(f"{below}.{slip}", f"no such field, it is left out; did you mean {meant}?")]
    assert told(document({slip: 1, meant: 1})) == []


def test_slips_at_every_level_and_in_blocks() -> None:
    found = document({"if": [{"loopItem": 1}], "arg": [{"type": "pasword"}]}, parralel=3)
    found |= {"enviroment": {}, "note": "ours"}
    assert [place for place, _ in told(found)] == [
        "$.enviroment",
        "$.runFlow[0].parralel",
        "$.runFlow[0].phases[0].operations[0].arg[0].type",
        "$.runFlow[0].phases[0].operations[0].if[0].loopItem",
    ]


def test_a_type_that_is_nearly_a_known_one() -> None:
    [(place, text)] = told(document({"desc": {"pw": "passwort", "a": "ourOwn", "b": "text", "c": None}}))
    assert place == "$.runFlow[0].phases[0].operations[0].desc.pw"
    assert text == '"passwort" is taken as text; did you mean password?'


def test_the_documents_of_the_examples_are_not_odd() -> None:
    for path in (Path(__file__).parents[3] / "examples").glob("*/params.json"):
        assert told(json.loads(path.read_text("utf-8"))) == []


@given(st.dictionaries(KEYS, st.recursive(VALUES, lambda inner: st.lists(st.dictionaries(KEYS, inner)), max_leaves=9)))
def test_no_value_breaks_it(value: dict[str, Any]) -> None:
    oddities(value)

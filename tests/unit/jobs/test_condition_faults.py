"""Broken conditions are found wherever they stand (spec section 4.9)."""

import json

from tests.blocks import loop, when
from tests.jobs import document, group, operation, phase

from pilothouse.jobs.condition_faults import condition_faults
from pilothouse.jobs.decoding import decode


def test_broken_conditions_are_told_by_place_and_column() -> None:
    work = operation("work", "true")
    inner = when("inner", "$A = ", [work])
    doc = document(
        "1",
        group(0, phase("one", when("good", "1 == 1", [{**work, "opId": "w_2"}]))),
        group(1, phase("two", loop("each", "a,b", "item", inner), when("last", "(1 = 1", [{**work, "opId": "w_3"}]))),
    )
    found = condition_faults(decode(json.dumps(doc), "params.json"))
    assert [problem.path for problem in found] == [
        "$.runFlow[1].phases[0].operations[0].operations[0].condition",
        "$.runFlow[1].phases[0].operations[1].condition",
    ]
    assert "'$A = ' at column 6: the end" in found[0].found
    assert "'(1 = 1' at column 7" in found[1].found
    assert ")" in found[1].allowed

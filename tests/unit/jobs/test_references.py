"""References: the documented vectors, and what must stay untouched (spec section 3.1)."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from pilothouse.errors import UnresolvedReferenceError
from pilothouse.jobs.references import Scope, as_text, expand, expand_options, expand_value

SCOPE = Scope(
    names=(
        {"JP": "jobparam", "JO": {"a": 1}, "both": "first"},
        {"GP": "gparam", "both": "second"},
        {"NODE": "n", "": 1},
    ),
    outputs={
        "opA_1": {"v": "outv", "l": [1, 2], "none": None, "zh": "\u5f20\u4e09"},
        "grp/opB_2": {"x": "bx"},
        "dot.ted_4": {"y": 1},
    },
    local_outputs={"lop_9": {"z": "locz"}, "opA_1": {"only": "local"}},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pre-$JP-post", "pre-jobparam-post"),
        ("$JPX", "$JPX"),
        ("${JP}X", "jobparamX"),
        ("${JO}", '{"a": 1}'),
        ("$GP", "gparam"),
        ("${both}", "first"),
        ("${NODE}", "n"),
        ("${ph.opA_1.v}", "outv"),
        ("${ph.opA_1.l}", "[1, 2]"),
        ("${ph.opA_1.zh}", "\u5f20\u4e09"),
        ("${anything.grp/opB_2.x}", "bx"),
        ("${ph.dot.ted_4.y}", "1"),
        ("${ph.lop_9.z}", "locz"),
        ('{"j":"${JP}"}', '{"j":"jobparam"}'),
        ("#{ph.opA_1.v}", "#{ph.opA_1.v}"),
        ("$(JP)", "$(JP)"),
        ("$$JP", "$jobparam"),
        (r"\$JP", r"\jobparam"),
        ("$${JP}", "${JP}"),
        ("$${ph.nope_1.v}", "${ph.nope_1.v}"),
        ("a$${b", "a${b"),
        ("${  JP}", "jobparam"),
        ("${JP }", "${JP }"),
        ("${unknown}", "${unknown}"),
        ("$unknown", "$unknown"),
        ("${opA_1.v}", "${opA_1.v}"),
        ("${}", "${}"),
        ("$", "$"),
        ("a$", "a$"),
        ("${JP", "${JP"),
        ("$JP$JP", "jobparamjobparam"),
        ("$5.00", "$5.00"),
        ("${ph.opA_1.v}${JP}", "outvjobparam"),
    ],
)
def test_vectors(text: str, expected: str) -> None:
    assert expand(text, SCOPE) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (None, None),
        (True, True),
        ("$JP", "jobparam"),
        ({"j": "${JP}"}, {"j": "jobparam"}),
        ({"${JP}": 1}, {"jobparam": 1}),
        (["$JP", {"a": ["$GP"]}], ["jobparam", {"a": ["gparam"]}]),
    ],
)
def test_values_are_expanded_inside(value: Any, expected: Any) -> None:
    assert expand_value(value, SCOPE) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), ({"j": "x"}, '{"j": "x"}'), ("as it is", "as it is"), (["\u4e2d"], '["\u4e2d"]'), (None, "null")],
)
def test_values_as_text(value: Any, expected: str) -> None:
    assert as_text(value) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${ph.nope_1.v}", "outputs so far are of: dot.ted_4, grp/opB_2, lop_9, opA_1"),
        ("${ph.opA_1.missing}", "operation opA_1 handed back: l, none, v, zh"),
        ("${ph.opA_1.none}", "operation opA_1 handed back"),
        ("${ph.opA_1.only}", "operation opA_1 handed back"),
    ],
)
def test_a_missing_output_is_an_error_that_says_what_there_is(text: str, says: str) -> None:
    with pytest.raises(UnresolvedReferenceError) as caught:
        expand(f"a {text} b", SCOPE)
    assert caught.value.reference == text
    assert text in str(caught.value)
    assert says in str(caught.value)


def test_without_any_output_the_error_says_so() -> None:
    with pytest.raises(UnresolvedReferenceError, match="outputs so far are of: none"):
        expand("${ph.op_1.v}", Scope())


def test_job_parameters_are_expanded_once() -> None:
    found = expand_options({"a": "$b", "b": "$c", "c": 3, "d": {"x": "${c}"}, "e": "$g"}, {"g": "global"})
    assert found == {"a": "$c", "b": "3", "c": "3", "d": '{"x": "3"}', "e": "global"}


@given(st.text().filter(lambda text: "$" not in text))
def test_text_without_dollar_is_unchanged(text: str) -> None:
    assert expand(text, SCOPE) == text


@examples(200)
@given(st.text(alphabet="$${}JPab.\\ \n\u4e2d", max_size=20))
def test_any_text_is_expanded_or_names_its_reference(text: str) -> None:
    dotted = [part for part in re.findall(r"\$\{[ \t]*([^{}]*)\}", text) if part.count(".") >= 2]
    try:
        expand(text, Scope(names=({"JP": "x"},)))
    except UnresolvedReferenceError:
        assert dotted


@given(st.text())
def test_an_expanded_value_is_not_expanded_again(value: str) -> None:
    assert expand("<${name}>", Scope(names=({"name": value},))) == f"<{value}>"

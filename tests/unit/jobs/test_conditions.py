"""Conditions: the documented vectors (checks 61 and 62), the grammar, and what no text may do."""

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.condition_grammar import ConditionError, parse
from pilothouse.jobs.conditions import evaluate, holds
from pilothouse.jobs.references import Scope

NAMES = {
    "MODE": "fast", "N": "10", "F": "1.5", "L": "abc,def", "DIR": "/tmp", "V": "1.2.3", "NEGATIVE": "-4", "EMPTY": "",
    "LIST": '["a", "b c", 3]', "ETC": "/etc",
}  # fmt: skip
SCOPE = Scope(names=(NAMES,), outputs={"look_1": {"v": "up", "n": 3}})
PATHS = {("d", "/tmp"), ("e", "/tmp"), ("f", "/etc/passwd"), ("e", "/etc/passwd"), ("l", "/link")}


def on_disk(letter: str, path: str) -> bool:
    return (letter, path) in PATHS


def value(text: str) -> Any:
    return evaluate(text, SCOPE, on_disk)


DOCUMENTED = [
    ('$MODE == "fast"', True),
    ('$MODE = "fast"', True),
    ("${MODE} == 'fast'", True),
    ("$N > 9", True),
    ('$N > "9"', True),
    ('$MODE contains "as"', True),
    ('$MODE startswith "fa"', True),
    ('not $MODE == "fast"', False),
    ("-d $DIR", True),
    ('-e "/nope" or -f "/etc/passwd"', True),
    ('$MODE == "slow" or $MODE == "fast" and $N == 11', False),
    ('"${MODE}-x" == "fast-x"', True),
    ("1 + 2 * 3 == 7", True),
    ("$F == 1.5", True),
    ("$N + 1 == 11", True),
    ("$N - 1", True),
    ('$UNDEF == "x"', False),
    ('$UNDEF == "$" + "UNDEF"', True),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTED)
def test_documented_vectors_check_62(text: str, expected: bool) -> None:
    assert holds(text, SCOPE, on_disk) is expected


FURTHER = [
    ("($N = 10)", True),
    ("NOT ($N = 10 AND $F > 2)", True),
    ("not not $N = 10", True),
    ("10 - 4 - 3 = 3", True),
    ("8 / 4 / 2 = 1", True),
    ("2 * (3 + 4) = 14", True),
    ("$NEGATIVE < -3", True),
    ("$NEGATIVE * -1 = 4", True),
    ("- $N + 11 = 1", True),
    ("$N-1=9", True),
    ('$V == "1.2.3"', True),
    ("$V == 1.2.3", True),
    ('$V < "1.10.0"', False),  # versions compare as texts
    ("$V >= 1.2", True),
    ('"007" == "7"', True),
    ('"1.0" == 1', True),
    ('"abc" < "abd"', True),
    ('$MODE matches "^f.s?t$"', True),
    ('$MODE matches "slow"', False),
    ('"b c" in $LIST', True),
    ("3 in $LIST", True),
    ('"def" in $L', True),
    ('"de" in $L', False),
    ('$EMPTY == ""', True),
    ('-f $ETC + "/passwd"', True),
    ('-f "$ETC/passwd" and not -d "/nowhere"', True),
    ("-l '/link'", True),
    ("-e $EMPTY", False),
    ("1 < 2 < 3", True),
    ('${p.look_1.v} == "up"', True),
    ("${ p.look_1.n} + 1 == 4", True),
    ("\n  $N\t== 10 \r\n", True),
    ("'it \"is\"' contains '\"'", True),
    ('$N == 10 or $N > "text"', True),  # what follows a true one is not looked at
    ("$N - 10", False),
    ('"a" + "" == "a" and (1 - 1)', False),
]


@pytest.mark.parametrize(("text", "expected"), FURTHER)
def test_the_full_grammar(text: str, expected: bool) -> None:
    assert holds(text, SCOPE, on_disk) is expected


BROKEN = [
    ("", 1, "the end"),
    ("   ", 4, "the end"),
    ("$MODE == fast", 10, "'fast'"),
    ('$MODE == "fast" && $N == 10', 17, "'&'"),
    ('$MODE == "fast" garbage', 17, "'garbage'"),
    ("$N == 10 11", 10, "'11'"),
    ("$N == ", 7, "the end"),
    ("($N == 10", 10, "the end"),
    ("$N == 10)", 9, "')'"),
    ("$N == 5x", 7, "'5'"),
    ("$N == 'open", 7, '"\'"'),
    ("$N", 1, "a value alone"),
    ('("text")', 1, "a value alone"),
    ("== 1", 1, "'=='"),
    ("not", 4, "the end"),
    ("$N ! 3", 4, "'!'"),
    ("(" * 60 + "1 = 1" + ")" * 60, 52, "a deeper level"),
    ("-" * 3000 + "1 = 1", 52, "a deeper level"),
    ("1 = 1" + " " * 20_000, 20_000, "20005 characters"),
]


@pytest.mark.parametrize(("text", "column", "found"), BROKEN)
def test_a_text_that_is_no_condition_says_where(text: str, column: int, found: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert (caught.value.column, caught.value.found) == (column, found)
    assert f"at column {column}: {found}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("$MODE < 5", 7),
        ("$UNDEF > 5", 8),
        ("$MODE - 1 = 0", 7),
        ("1 / 0 = 1", 3),
        ('$MODE matches "("', 7),
        ("- $MODE = 1", 1),
        ("9" * 400 + " * 1.5 > 1", 402),
    ],
)
def test_what_cannot_be_worked_out_says_where(text: str, column: int) -> None:
    with pytest.raises(ConditionError) as caught:
        value(text)
    assert column <= caught.value.column <= len(text)


def numbers() -> st.SearchStrategy[str]:
    reals = st.tuples(st.integers(0, 999), st.integers(0, 999)).map(lambda pair: f"{pair[0]}.{pair[1]}")
    return st.one_of(st.integers(0, 10_000).map(str), reals)


def arithmetic() -> st.SearchStrategy[str]:
    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join)
        return st.one_of(pairs, inner.map(lambda text: f"({text})"), inner.map(lambda text: f"- {text}"))

    return st.recursive(numbers(), wider, max_leaves=12)


@given(arithmetic(), arithmetic(), st.sampled_from(["==", "<", ">", "<=", ">=", "!="]))
def test_arithmetic_is_pythons(left: str, right: str, sign: str) -> None:
    text = f"{left} {sign} {right}"
    try:
        expected = eval(text)
    except ArithmeticError:
        with pytest.raises(ConditionError):
            value(text)
    else:
        assert value(text) is expected
    try:
        total = eval(f"({left}) + 0")
    except ArithmeticError:
        return
    assert value(f"({left}) + 0") == total


FRAGMENTS = st.sampled_from(
    ["$N", "${MODE}", "'a'", '"b"', "1", "1.5", "1.2.3", "(", ")", "not", "and", "OR", "=", "==", "<", "+", "-", "*",
     "/", "-d", "-f", "contains", "in", "matches", "$", "{", "}", "'", '"', "x", "\n", "\0", "é", "²"]
)  # fmt: skip


@given(st.one_of(st.lists(FRAGMENTS, max_size=20).map(" ".join), st.text(max_size=60), st.text(string.printable)))
def test_no_text_raises_anything_else(text: str) -> None:
    assert 0 <= column_of_fault(parse, text) <= len(text) + 1


@given(st.lists(FRAGMENTS, max_size=12).map(" ".join))
def test_no_tree_raises_anything_else(text: str) -> None:
    assert 0 <= column_of_fault(value, text) <= len(text) + 1


def column_of_fault(read: Callable[[str], object], text: str) -> int:
    """Return the column that the condition error names, or 0."""
    try:
        read(text)
    except ConditionError as error:
        return error.column
    return 0

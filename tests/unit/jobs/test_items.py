"""Lists written as text, and commands in values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.jobs.items import loop_items, split_items
from pilothouse.jobs.references import Scope
from pilothouse.jobs.substitutions import Command, split_commands

SCOPE = Scope(names=({"LIST": '["a,b", 2]', "WORDS": "x, y", "QUOTE": 'it"s'},))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a","b"]', ["a", "b"]),
        (' ["a", {"b": 1}, null]', ["a", {"b": 1}, None]),
        ("a, b ,, c", ["a", "b", "c"]),
        ("a\nb\r\n\n c,d", ["a", "b", "c", "d"]),
        ("[not json, at all]", ["[not json", "at all]"]),
        ("", []),
        ("[]", []),
        ("${LIST}", ["a,b", 2]),
        ("${WORDS},z", ["x", "y", "z"]),
        ('["${QUOTE}", "${WORDS}"]', ['it"s', "x, y"]),
        ("[" * 100_000, ["[" * 100_000]),
    ],
)
def test_what_a_loop_goes_over_check_61(text: str, expected: list[object]) -> None:
    assert loop_items(text, SCOPE) == expected


@given(st.text(max_size=80))
def test_any_text_is_a_list(text: str) -> None:
    assert isinstance(split_items(text), list)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["plain"]),
        ("$(date)", [Command("date")]),
        ("a-$(date +%F)-b$(id)", ["a-", Command("date +%F"), "-b", Command("id")]),
        ("$(echo $(id))", [Command("echo $(id)")]),
        ("$(echo ')' \"(\" \\))x", [Command("echo ')' \"(\" \\)"), "x"]),
        ("$(open", ["$(open"]),
        ("$(a) $(open", [Command("a"), " $(open"]),
        ("", []),
    ],
)
def test_commands_are_found(text: str, expected: list[object]) -> None:
    assert split_commands(text) == expected


@given(st.text("$()'\"\\ab", max_size=40))
def test_nothing_is_lost(text: str) -> None:
    parts = split_commands(text)
    assert "".join(f"$({part.text})" if isinstance(part, Command) else part for part in parts) == text

"""Outputs of many nodes put together (spec section 8.7)."""

from typing import Any

import pytest

from pilothouse.tools.gathering.outputs import (
    Key,
    NodeOutput,
    aggregated,
    concatenated,
    merged,
    node_of,
    read_key,
)
from pilothouse.tools.program import ToolError


def found(*values: Any) -> list[NodeOutput]:
    return [NodeOutput(f"10.0.0.{n}", "80" if n else "", value) for n, value in enumerate(values)]


def test_a_key_has_exactly_three_parts() -> None:
    assert read_key("#{phase.group/op_1.name}") == Key("phase", "group/op_1", "name")
    for text in ("", "#{a.b}", "#{a.b.c.d}", "#{a..c}", "${a.b.c}", "#{a.b.c"):
        with pytest.raises(ToolError, match="three parts") as caught:
            read_key(text)
        assert caught.value.code == 3


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("10.0.0.1-80-7.json", ("10.0.0.1", "80")),
        ("web-1.example.org--7.json", ("web-1.example.org", "")),
        ("fe80::1-22-7.json", ("fe80::1", "22")),
        ("local-0-0.json", None),
        ("notes.json", None),
    ],
)
def test_a_file_names_its_node(name: str, node: tuple[str, str] | None) -> None:
    assert node_of(name) == node


def test_values_are_kept_by_host_and_port() -> None:
    assert aggregated(found("a", [1])) == {"10.0.0.0": "a", "10.0.0.1:80": [1]}


def test_delimiters_stand_between_the_texts() -> None:
    assert concatenated(found("a", "b", "c"), ",") == ("a,b,c", [])
    assert concatenated(found("a"), ",") == ("a", [])
    assert concatenated([], ",") == ("", [])
    assert concatenated(found([1], [2, [3]], "x"), ",") == ("x", [1, 2, [3]])


def test_objects_and_lists_are_merged() -> None:
    assert merged(found({"a": 1, "b": 1}, {"b": 2})) == {"a": 1, "b": 2}
    assert merged(found([1, {"x": 1}], [{"x": 1}, 2])) == [1, {"x": 1}, 2]
    with pytest.raises(ToolError, match="dict, str"):
        merged(found({}, "text"))

"""Descriptors: what real ones hold is read, what cannot be meant is refused by place."""

import json
from pathlib import Path

import pytest

from pilothouse.errors import DocumentError
from pilothouse.tools.descriptor import Argument, Choice, decode, read

WHOLE = {
    "opDesc": "label",
    "description": "long",
    "opType": "localremote",
    "typeName": "BASIC",
    "riskName": "LOW",
    "interpreter": "perl",
    "defaultProfile": None,
    "option": [
        {
            "opt": "port",
            "name": None,
            "help": "the port",
            "type": "select",
            "required": "true",
            "validate": ["integer_p"],
            "defaultValue": "22",
            "dataSource": {"dataList": [{"text": "ssh", "value": "22"}]},
        },
        {"opt": "free", "required": "false", "dataSource": None},
    ],
    "argument": {"name": "hosts", "count": "0", "isConst": 0, "required": "false"},
    "output": [{"opt": "DATA", "type": "json"}],
    "somethingElse": {"of": "a later version"},
}


def test_a_whole_descriptor_is_read() -> None:
    tool = decode(json.dumps(WHOLE).encode(), "tool.json")
    port, free = tool.options
    assert (port.opt, port.name, port.type, port.required, port.default) == ("port", "", "select", True, "22")
    assert port.data_source.choices == (Choice("ssh", "22"),)
    assert (free.required, free.type, free.data_source.choices) == (False, "text", ())
    assert tool.argument == Argument(name="hosts", count=0)
    assert tool.outputs[0].opt == "DATA"
    assert tool.kind == "runner_target"
    assert tool.enabled


@pytest.mark.parametrize("field", ["enabled", "enable"])
def test_a_tool_can_be_hidden_in_either_spelling(field: str) -> None:
    assert not decode(json.dumps({field: 0}).encode(), "tool.json").enabled


@pytest.mark.parametrize(
    ("kind", "given"),
    [("runner", "local"), ("runner", "runner"), ("target", "remote"), ("sqlfile", "sqlfile"), ("native", "native")],
)
def test_old_words_for_the_type_are_understood(kind: str, given: str) -> None:
    assert decode(json.dumps({"opType": given}).encode(), "tool.json").kind == kind


@pytest.mark.parametrize(
    ("content", "path", "words"),
    [
        (b'{"option": [{"opt": "a"}, {"opt": 7}]}', "$.option[1].opt", "`int`; allowed: `str`"),
        (b'{"option": [{"name": "a"}]}', "$.option[0]", "missing required field `opt`"),
        (b'{"opType": "somewhere"}', "$.opType", "'somewhere'"),
        (b'{"option": {}}', "$.option", "allowed: `array`"),
        (b"[]", "$", "allowed: `object`"),
        (b'{"option": [', "$", "one JSON object"),
        (b'{"opDesc": "\xff"}', "$", "one JSON object"),
    ],
)
def test_a_fault_is_named_by_file_and_place(content: bytes, path: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decode(content, "/site/local/x/y.json")
    assert caught.value.source == "/site/local/x/y.json"
    assert caught.value.problems[0].path == path
    assert words in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"none\.json.*No such file"):
        read(tmp_path / "none.json")

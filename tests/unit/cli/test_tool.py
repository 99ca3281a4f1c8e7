"""``pilothouse tool``, and what every built-in tool has to say about itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from pilothouse.cli.main import main
from pilothouse.cli.tool import described, example
from pilothouse.errors import ExitCode
from pilothouse.jobs import decoding
from pilothouse.tools.catalog import Catalog, Tool

TOOLS = [tool for side in ("local", "remote") for tool in Catalog().tools(side)]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["tool", *words])
    return code, capsys.readouterr().out


def test_every_tool_is_listed_with_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "list")
    assert code == 0
    assert len(text.splitlines()) == len(TOOLS)
    assert any(line.split() == ["basic/sleep", "runner", "Wait"] for line in text.splitlines())
    code, text = run(capsys, "list", "--json")
    assert {item["name"] for item in json.loads(text)} == {tool.name for tool in TOOLS}


def test_a_tool_is_shown_with_options_outputs_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "show", "fileops/remotecopy")
    assert code == 0
    for part in ("on the runner, for every node", "--direction", "one of push, pull; default push", '"opName"'):
        assert part in text
    code, text = run(capsys, "show", "osbasic/getcmdout", "--json")
    found: dict[str, Any] = json.loads(text)
    assert found["side"] == "remote"
    assert [output["opt"] for output in found["descriptor"]["output"]] == ["commandOutputTxt", "commandOutputJson"]
    assert found["example"]["opType"] == "target"


def test_an_unknown_tool_is_answered_by_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tool", "show", "osbasic/getcmdotu"]) == 2
    assert "did you mean osbasic/getcmdout" in capsys.readouterr().err


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_describes_itself_and_its_example_is_a_good_operation(tool: Tool) -> None:
    about = tool.descriptor
    assert about.label
    assert about.description
    assert about.risk in {"LOW", "HIGH"}
    assert all(option.help and option.name for option in about.options)
    assert all(output.help and output.name for output in about.outputs)
    assert len(described(tool)) > 5
    document = {"jobId": 1, "runFlow": [{"groupNo": 0, "phases": [{"phaseName": "p", "operations": [example(tool)]}]}]}
    decoding.decode(json.dumps(document), "example")


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.program], ids=lambda tool: tool.name)
def test_every_program_can_be_started(tool: Tool) -> None:
    assert tool.program is not None
    assert tool.program.stat().st_mode & 0o111
    first = Path(tool.program).read_text("utf-8").splitlines()[0]
    assert first in {"#!/bin/sh", "#!/usr/bin/env python3"}
    assert tool.side == "local" or (first == "#!/bin/sh") == (tool.interpreter == "sh")


def test_a_tool_on_neither_side_is_told_without_a_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tool", "show", "nope"]) == ExitCode.USAGE
    assert capsys.readouterr().err == "pilothouse: there is no tool 'nope'; see: pilothouse tool list\n"

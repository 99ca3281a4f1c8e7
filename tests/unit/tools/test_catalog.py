"""The catalog: the right file for a name, the site before the built-in, nothing outside the folders."""

import os
import sys
from pathlib import Path

import pytest

from pilothouse.engine.native.table import NATIVES
from pilothouse.errors import DocumentError, UsageError
from pilothouse.tools.catalog import BUILT_IN, Catalog, Side, UnknownToolError, files_for_target

SIDES: tuple[Side, Side] = ("local", "remote")


def lay(root: Path, name: str, content: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_built_in_tool_is_found_with_its_folders() -> None:
    tool = Catalog().find("demo/remotedemo", "remote")
    assert (tool.name, tool.group, tool.side, tool.kind) == ("demo/remotedemo", "demo", "remote", "target")
    assert tool.program == BUILT_IN / "remote" / "demo" / "remotedemo"
    assert tool.libraries == (BUILT_IN / "remote" / "demo" / "lib", BUILT_IN / "remote" / "lib")
    assert [output.opt for output in tool.descriptor.outputs] == [
        "outtext",
        "outfile",
        "outjson",
        "outcsv",
        "outpassword",
    ]


@pytest.mark.parametrize("side", SIDES)
def test_every_built_in_tool_is_complete(side: Side) -> None:
    tools = list(Catalog().tools(side))
    assert tools
    for tool in tools:
        assert (tool.program is None) == (tool.name in NATIVES)
        if tool.program is not None:
            assert os.access(tool.program, os.X_OK), tool.program
            assert tool.program.read_bytes().startswith((b"#!/bin/sh\n", b"#!/usr/bin/env python3\n"))
        assert tool.descriptor.label
        assert tool.descriptor.description
        assert (tool.kind == "target") == (side == "remote")
        assert all(option.help and option.name for option in tool.descriptor.options)
    described = {str(path.with_suffix("")) for path in (BUILT_IN / side).glob("*/*.json")}
    assert described == {str(BUILT_IN / side / tool.name) for tool in tools}


def test_the_site_wins_and_adds(tmp_path: Path) -> None:
    program = lay(tmp_path, "remote/demo/remotedemo")
    lay(tmp_path, "remote/demo/remotedemo.json", '{"opDesc": "ours", "opType": "runner"}')
    lay(tmp_path, "local/own/tool")
    catalog = Catalog([tmp_path])
    assert catalog.find("demo/remotedemo", "remote").program == program
    assert catalog.find("demo/remotedemo", "remote").descriptor.label == "ours"
    assert catalog.find("demo/remotedemo", "remote").kind == "target"
    assert catalog.find("own/tool", "local").kind == "runner"
    assert catalog.find("osbasic/execscript", "remote").program == BUILT_IN / "remote/osbasic/execscript"


def test_finding_one_tool_reads_no_other_descriptor(tmp_path: Path) -> None:
    lay(tmp_path, "local/own/good", "#!/bin/sh\n")
    lay(tmp_path, "local/own/bad", "#!/bin/sh\n")
    broken = lay(tmp_path, "local/own/bad.json", "{")
    catalog = Catalog([tmp_path])
    assert catalog.find("own/good", "local").name == "own/good"
    with pytest.raises(DocumentError, match=str(broken)):
        catalog.find("own/bad", "local")


def test_a_native_tool_needs_no_program(tmp_path: Path) -> None:
    lay(tmp_path, "local/native/echo.json", '{"opType": "native"}')
    lay(tmp_path, "local/other/echo.json", '{"opType": "runner"}')
    tool = Catalog([tmp_path]).find("native/echo", "local")
    assert (tool.program, tool.kind) == (None, "native")
    with pytest.raises(UsageError, match="no program"):
        files_for_target(tool)
    with pytest.raises(UnknownToolError):
        Catalog([tmp_path]).find("other/echo", "local")


def test_a_hidden_tool_is_not_listed_but_found(tmp_path: Path) -> None:
    lay(tmp_path, "local/own/hidden")
    lay(tmp_path, "local/own/hidden.json", '{"enabled": 0}')
    catalog = Catalog([tmp_path])
    assert "own/hidden" not in {tool.name for tool in catalog.tools("local")}
    assert catalog.find("own/hidden", "local").name == "own/hidden"


@pytest.mark.parametrize(
    ("name", "side", "near"),
    [
        ("osbasic/getcmdotu", "remote", "osbasic/getcmdout"),
        ("basic/getcmdout", "remote", "osbasic/getcmdout"),
        ("getcmdout", "remote", "osbasic/getcmdout"),
        ("demo/localdem", "local", "demo/localdemo"),
    ],
)
def test_a_misspelt_name_is_answered_by_near_ones(name: str, side: Side, near: str) -> None:
    with pytest.raises(UnknownToolError) as caught:
        Catalog().find(name, side)
    assert near in caught.value.near
    assert f"did you mean {caught.value.near[0]}" in str(caught.value)


def test_a_tool_of_the_other_side_is_pointed_out() -> None:
    with pytest.raises(UnknownToolError, match="runs on targets: check the operation's opType"):
        Catalog().find("demo/remotedemo", "local")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "demo",
        "demo/",
        "/etc/passwd",
        "../../etc/passwd",
        "../secret",
        "demo/..",
        "demo/../../../secret",
        "./secret",
        "lib/output.sh",
        "demo/lib",
        "demo/remotedemo.json",
        "demo/remotedemo\0",
        "demo/" + "x" * 5000,
        "demo/\ud800",
    ],
)
def test_no_name_leads_to_anything_but_a_tool(tmp_path: Path, name: str) -> None:
    lay(tmp_path, "secret")
    lay(tmp_path, "remote/secret")
    with pytest.raises(UnknownToolError):
        Catalog([tmp_path]).find(name, "remote")


def test_a_target_gets_program_and_libraries_and_nothing_else(tmp_path: Path) -> None:
    lay(tmp_path, "remote/own/tool", "#!/bin/sh\necho ours\n", 0o644)
    lay(tmp_path, "remote/own/tool.json", "{}")
    lay(tmp_path, "remote/own/neighbour")
    lay(tmp_path, "remote/own/lib/deep/more.sh", "deep", 0o644)
    lay(tmp_path, "remote/lib/output.sh", "ours instead", 0o755)
    lay(tmp_path, "remote/lib/__pycache__/x.pyc")
    laid = {file.name: file for file in files_for_target(Catalog([tmp_path]).find("own/tool", "remote"))}
    assert set(laid) == {"own/tool", "own/lib/deep/more.sh", "lib/output.sh", "lib/work.sh", "lib/script.sh"}
    assert (laid["own/tool"].mode, laid["own/lib/deep/more.sh"].mode) == (0o700, 0o600)
    assert (laid["lib/output.sh"].content, laid["lib/output.sh"].mode) == (b"ours instead", 0o700)
    assert laid["lib/work.sh"].content == (BUILT_IN / "remote/lib/work.sh").read_bytes()


def test_a_program_for_any_python_gets_the_engines_own(tmp_path: Path) -> None:
    lay(tmp_path, "local/own/any", "#!/usr/bin/env python3\n")
    lay(tmp_path, "local/own/certain", "#!/opt/site/bin/python3\n")
    catalog = Catalog([tmp_path])
    assert catalog.find("own/any", "local").command == (sys.executable, str(tmp_path / "local/own/any"))
    assert catalog.find("own/certain", "local").command == (str(tmp_path / "local/own/certain"),)

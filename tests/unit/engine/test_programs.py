"""Programs: what each operation runs, settled and refused before anything starts (spec sections 2.4 and 6.5)."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.archives import tar

from pilothouse.engine.program import Programs
from pilothouse.engine.programs import find_programs
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.errors import DocumentError
from pilothouse.jobs.document import Group, Job, Kind, Operation, Phase, Script, Strategy
from pilothouse.tools.catalog import Catalog


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path / "data", "1")
    made.create()
    return made


def script(identity: str, kind: Kind = Kind.RUNNER, name: str = "", **fields: Any) -> Operation:
    values = {"interpreter": "bash", "content": "echo hello\n", **fields}
    return Operation(id=identity, name=name or identity, kind=kind, script=Script(**values))


def job(*phases: tuple[Operation, ...]) -> Job:
    made = tuple(
        Phase(name=f"p{index}", on_runner=operations[0].kind is Kind.RUNNER, operations=operations)
        for index, operations in enumerate(phases)
    )
    return Job(id="1", groups=(Group(number=0, strategy=Strategy.ONE_SHOT, phases=made),))


def find(made: Job, space: Workspace | None, *places: Path) -> Programs:
    return find_programs(made, Catalog(()), space, places, "params.json")


def refused(made: Job, space: Workspace, *places: Path) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        find(made, space, *places)
    return caught.value


def test_a_script_on_the_runner_is_written_private_and_started_by_its_interpreter(space: Workspace) -> None:
    found = find(job((script("op_1"),)), space)["p0", "op_1"]
    path = space.root / "script" / "op_1.sh"
    assert found.command == ("bash", "-l", str(path))
    assert path.read_text() == "echo hello\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_script_with_a_shebang_is_started_itself(space: Workspace) -> None:
    made = job((script("op_1", content="#!/usr/bin/env perl\nprint 1"),))
    assert find(made, space)["p0", "op_1"].command == (str(space.root / "script" / "op_1.sh"),)


def test_without_a_workspace_nothing_is_written(tmp_path: Path) -> None:
    assert find(job((script("op_1"),)), None)["p0", "op_1"].command == ("bash", "-l", "op_1.sh")
    assert not os.listdir(tmp_path)  # noqa: PTH208 - an empty folder has no path to compare with


def test_a_script_on_a_target_travels_under_its_own_name(space: Workspace) -> None:
    made = job((script("op_1", Kind.TARGET, name="install", content="echo \u4e2d"),))
    found = find(made, space)["p0", "op_1"]
    assert found.command == ("bash", "-l", "install.sh")
    assert [(file.name, file.content.decode(), file.mode) for file in found.files] == [
        ("install.sh", "echo \u4e2d", 0o700)
    ]


def test_scripts_of_one_id_in_several_phases_do_not_share_a_file(space: Workspace) -> None:
    made = job((script("op_1", content="echo one"),), (script("op_1", content="echo two"),))
    found = find(made, space)
    texts = [Path(found[phase, "op_1"].command[-1]).read_text() for phase in ("p0", "p1")]
    assert texts == ["echo one", "echo two"]


def test_ids_that_differ_by_a_slash_do_not_share_a_file(space: Workspace) -> None:
    found = find(job((script("a/b_1", content="echo one"), script("a_b_1", content="echo two"))), space)
    texts = [Path(found["p0", name].command[-1]).read_text() for name in ("a/b_1", "a_b_1")]
    assert texts == ["echo one", "echo two"]


@pytest.mark.parametrize("name", ["op_1", "op_1.sh", "17", "17.sh", "install", "install.sh", "group/install.sh"])
def test_a_script_without_text_is_found_in_the_script_folder(space: Workspace, tmp_path: Path, name: str) -> None:
    path = tmp_path / "beside" / "script" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"echo from file \xff")
    title = "group/install" if "/" in name else "install"
    made = job((script("op_1", Kind.TARGET, name=title, content=None, id="17"),))
    found = find(made, space, tmp_path, tmp_path / "beside")["p0", "op_1"]
    assert found.files[0].content == b"echo from file \xff"


def test_a_script_that_is_nowhere_is_refused_by_place(space: Workspace, tmp_path: Path) -> None:
    made = job((script("op_1", content="echo"),), (script("op_2", content=None), script("op_3", content=None)))
    error = refused(made, space, tmp_path)
    assert [problem.path for problem in error.problems] == [
        "$.runFlow[0].phases[1].operations[0].scriptContent",
        "$.runFlow[0].phases[1].operations[1].scriptContent",
    ]
    assert str(tmp_path / "script" / "op_2.sh") in str(error)


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside"])
def test_scripts_come_from_the_script_folder_only(space: Workspace, tmp_path: Path, name: str) -> None:
    (tmp_path / "script").mkdir()
    (tmp_path / "outside").write_text("echo outside")
    made = job((script("op_1", name=name, content=None, id=name),))
    assert refused(made, space, tmp_path).problems[0].found == "no script text"


def test_a_script_may_stand_for_an_sql_tool(space: Workspace) -> None:
    found = find_programs(job((script("op_1", Kind.SQLFILE),)), Catalog(), space, [], "params.json")
    assert found["p0", "op_1"].files == ()


@pytest.mark.parametrize("interpreter", ["cmd", "powershell", "vbscript"])
def test_interpreters_of_other_systems_are_refused(space: Workspace, interpreter: str) -> None:
    (problem,) = refused(job((script("op_1", interpreter=interpreter),)), space).problems
    assert problem.path == "$.runFlow[0].phases[0].operations[0].interpreter"
    assert problem.found.startswith(f"{interpreter}, which runs on Windows only")
    assert "bash" in problem.allowed


def archive(folder: Path, name: str, content: bytes) -> None:
    (folder / "script").mkdir(exist_ok=True)
    (folder / "script" / name).write_bytes(content)


def package(kind: Kind = Kind.TARGET, **fields: Any) -> Operation:
    return script("op_1", kind, name="install", interpreter="package", **{"content": None, **fields})


def test_a_package_travels_as_its_members(space: Workspace, tmp_path: Path) -> None:
    archive(tmp_path, "install.tar", tar({"install": "#!/bin/sh\n", "lib/data": b"\r\n\xff"}))
    found = find(job((package(),)), space, tmp_path)["p0", "op_1"]
    assert found.command == ("./install",)
    assert [(file.name, file.content, file.mode) for file in found.files] == [
        ("install", b"#!/bin/sh\n", 0o700),
        ("lib/data", b"\r\n\xff", 0o600),
    ]
    # a later run finds it in the run folder
    assert find(job((package(),)), space, space.root)["p0", "op_1"] == found


def test_a_package_on_the_runner_is_unpacked_in_the_script_folder(space: Workspace, tmp_path: Path) -> None:
    archive(tmp_path, "op_1.tar", tar({"run.sh": "echo"}))
    *_, path = find(job((package(Kind.RUNNER),)), space, tmp_path)["p0", "op_1"].command
    assert Path(path).read_text() == "echo"
    assert Path(path).parent.parent == space.root / "script"
    assert find(job((package(Kind.RUNNER),)), None, tmp_path)["p0", "op_1"].command[-1] == "op_1/run.sh"


@pytest.mark.parametrize(
    ("content", "fields", "told"),
    [
        (None, {}, "no archive"),
        (None, {"content": "echo"}, "a text for the interpreter package"),
        (b"echo no archive", {}, "cannot be unpacked"),
        (tar({"other": "x"}), {}, "no file install or install.sh or run.sh at its top"),
    ],
)
def test_a_package_that_cannot_be_run_is_refused_by_place(
    space: Workspace, tmp_path: Path, content: bytes | None, fields: dict[str, Any], told: str
) -> None:
    if content is not None:
        archive(tmp_path, "install.tar", content)
    (problem,) = refused(job((package(**fields),)), space, tmp_path).problems
    assert problem.path == "$.runFlow[0].phases[0].operations[0].scriptContent"
    assert told in problem.found


def test_an_unknown_tool_is_refused_by_place(space: Workspace) -> None:
    made = job((Operation(id="op_1", name="no/such", kind=Kind.RUNNER),))
    (problem,) = refused(made, space).problems
    assert problem.path == "$.runFlow[0].phases[0].operations[0].opName"
    assert "no/such" in problem.found


def test_tools_of_the_catalog(space: Workspace) -> None:
    here = Operation(id="here_1", name="demo/localdemo", kind=Kind.RUNNER)
    there = Operation(id="there_1", name="demo/remotedemo", kind=Kind.TARGET)
    found = find(job((here,), (there,)), space)
    assert Path(found["p0", "here_1"].command[0]).is_file()
    assert all(Path(folder).is_absolute() for folder in found["p0", "here_1"].libraries)
    assert found["p1", "there_1"].work == "demo"
    assert any(file.name.endswith("remotedemo") for file in found["p1", "there_1"].files)

"""``pilothouse job check``: what it prints and returns beside the plan itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import document, group, operation, phase

from pilothouse.cli.main import main
from pilothouse.errors import ExitCode


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PILOTHOUSE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(folder: Path, job: dict[str, Any], count: int = 2, **more: Any) -> int:
    nodes = [
        {"resourceId": 500 + i, "host": f"10.0.{i >> 8}.{i & 255}", "protocol": "ssh"} | more for i in range(count)
    ]
    (folder / "p.json").write_text(json.dumps(job), "utf-8")
    (folder / "n.json").write_text(json.dumps(nodes), "utf-8")
    return main(["job", "check", "p.json", "--nodes", "n.json"])


def one(**more: Any) -> dict[str, Any]:
    return document("1", group(0, phase("a", operation("work", "true", "target")), roundCount=1, **more))


def test_slips_are_told_with_their_places(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, one(execStrategy="grayscale")) == ExitCode.SUCCESS
    said = capsys.readouterr().out
    assert 'warning: $.runFlow[0].execStrategy: "grayscale" is taken as oneShot' in said


def test_an_operation_that_cannot_run_is_a_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = operation("work", "true", "target", opt={"pw": "{RC4}zz"}, desc={"pw": "password"})
    assert check(folder, document("1", group(0, phase("a", work)))) == ExitCode.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert any("cannot run: a secret begins with {RC4}" in line for line in lines)
    assert lines[-1] == "1 operation cannot run; nothing was started"


def test_no_more_nodes_at_a_time_than_the_setting_allows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, one(), 300) == ExitCode.SUCCESS
    assert ", 200 at a time\n" in capsys.readouterr().out


def test_a_job_without_groups_says_that_it_does_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, document("1")) == ExitCode.SUCCESS
    assert "warning: $.runFlow: no group; the job will do nothing" in capsys.readouterr().out


def test_a_secret_that_cannot_be_opened_is_told_with_its_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder, one(), password="{RC4}zz") == ExitCode.USAGE
    assert "node 500 (10.0.0.0): a secret begins with {RC4}" in capsys.readouterr().err
    assert check(folder, one() | {"opt": {"key": "{AESGCM}zz"}}) == ExitCode.USAGE
    assert "$.opt.key: a secret is not a whole {AESGCM} envelope" in capsys.readouterr().err


def test_a_node_file_that_was_cut_off_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(folder, one())
    capsys.readouterr()
    lines = [{"totalCount": 12}, {"resourceId": 1, "host": "a", "protocol": "ssh"}]
    (folder / "n.json").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    assert main(["job", "check", "p.json", "--nodes", "n.json"]) == ExitCode.SUCCESS
    said = "warning: nodes: the first line counts 12 nodes, but the file holds 1; it may have been cut off"
    assert said in capsys.readouterr().out

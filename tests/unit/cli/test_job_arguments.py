"""Arguments of ``pilothouse job`` that cannot be meant are refused, not passed over."""

from pathlib import Path

import pytest

from pilothouse.cli.main import main
from pilothouse.errors import ExitCode


def test_a_concurrency_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.json").write_text("{}", "utf-8")
    words = ("run", str(tmp_path / "p.json"), "--data", str(tmp_path), "--concurrency", "0")
    assert main(["job", *words]) == ExitCode.USAGE
    assert "concurrency is 0; allowed: more than 0" in capsys.readouterr().err


def test_a_state_that_no_job_can_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["job", "list", "--data", str(tmp_path), "--state", "done"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "--state 'done': no such state; allowed: " in said
    assert "interrupted" in said

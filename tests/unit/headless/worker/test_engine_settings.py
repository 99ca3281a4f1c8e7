"""Which settings the engine of a module reads: those of the account that it runs as (headless 13.6)."""

import os
from pathlib import Path

import pytest

from pilothouse.headless.worker import program


def test_the_accounts_own_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / ".config" / "pilothouse" / "pilothouse.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert program._settings() == str(own)


def test_a_file_that_the_account_may_not_read_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own file is closed to it once there is a key in it."""
    (tmp_path / "readable.toml").touch()
    monkeypatch.setattr(program, "_SETTINGS", (str(tmp_path / "closed.toml"), str(tmp_path / "readable.toml")))
    assert program._settings() == str(tmp_path / "readable.toml")
    monkeypatch.setattr(program, "_SETTINGS", (str(tmp_path / "closed.toml"),))
    assert program._settings() == os.devnull

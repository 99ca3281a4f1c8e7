"""Passwords that stand on no command line: read from a file or a variable, sealed or not."""

import argparse
from pathlib import Path

import pytest

from pilothouse.errors import UsageError
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.vault import Vault
from pilothouse.tools.passwords import add_password, password

KEY = "k3y"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOEXEC_WORK_PATH", str(tmp_path))
    monkeypatch.delenv("AUTOEXEC_HOME", raising=False)
    monkeypatch.delenv("PILOTHOUSE_PASSWORD_KEY", raising=False)
    return tmp_path


def chosen(*words: str) -> str:
    add = argparse.ArgumentParser()
    add_password(add)
    return password(add.parse_args(words)).reveal()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_file_of_the_run_folder(folder: Path, end: str) -> None:
    (folder / "secret").write_bytes(f"p w{end}".encode())
    assert chosen("--password-file", "secret", "--password=", "--password-env=") == "p w"
    assert chosen("--password-file", str(folder / "secret")) == "p w"


def test_a_variable_and_the_option_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASS", "from there")
    assert (chosen("--password-env", "DB_PASS"), chosen("--password", "x"), chosen()) == ("from there", "x", "")


def test_sealed_ones_are_opened_with_the_sites_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "secret").write_text(Vault(KEY).seal("p w"), "utf-8")
    monkeypatch.setenv("PILOTHOUSE_PASSWORD_KEY", KEY)
    assert chosen("--password-file", "secret") == "p w"
    monkeypatch.delenv("PILOTHOUSE_PASSWORD_KEY")
    (folder / "conf").mkdir()
    (folder / "conf/config.ini").write_text(f"password.key={KEY}\n", "utf-8")
    monkeypatch.setenv("AUTOEXEC_HOME", str(folder))
    assert chosen("--password-file", "secret") == "p w"
    assert Vault(KEY).open(Secret((folder / "secret").read_text("utf-8"))) == "p w"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--password-file", "nowhere"), "cannot be read"),
        (("--password-file", "empty"), "one line"),
        (("--password-file", "two"), "one line"),
        (("--password-env", "NOT_THERE"), "NOT_THERE is not set"),
        (("--password-env", "X", "--password", "s3cret"), "only one of"),
    ],
)
def test_what_names_no_password_is_refused(folder: Path, words: tuple[str, ...], shown: str) -> None:
    (folder / "empty").write_text("\n", "utf-8")
    (folder / "two").write_text("s3cret\nmore\n", "utf-8")
    with pytest.raises(UsageError, match=shown) as caught:
        chosen(*words)
    assert "s3cret" not in str(caught.value)

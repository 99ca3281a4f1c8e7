"""The ini dialect: what is read, and what sealing changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.controlserver.config import Config, entries, read, seal
from pilothouse.errors import SettingsError
from pilothouse.jobs.secret import Secret
from pilothouse.secrets import legacy

SERVER = "[server]\nserver.baseurl=https://console.example/ctx/\nserver.username=u\nserver.password=p\n"


def test_check_4_the_vector_of_the_master_key() -> None:
    text = "password.key=peerpasskey1\n"
    assert seal(text, entries(text)) == "password.key={ENCRYPTED}d818d1d65e220be5f605c12a\n"


@pytest.mark.parametrize(
    "text",
    [
        "server.password=\n",
        "server.password={ENCRYPTED}ab\n",
        "server.password={RC4}ab\n",
        "# server.password=plain\n",
        "; server.password=plain\n",
        "[server.password=x]\n",
        "other.password=plain\n",
        "",
    ],
)
def test_nothing_else_is_touched(text: str) -> None:
    assert seal(text, entries(text)) == text


@given(st.text())
def test_sealing_any_text_twice_changes_nothing_more(text: str) -> None:
    once = seal(text, entries(text))
    assert seal(once, entries(once)) == once


@given(st.from_regex(r"[^\s{][ -~]*[^\s]", fullmatch=True))
def test_a_sealed_password_is_the_same_password(password: str) -> None:
    text = f"[server]\n  Server.Password = {password}  \npassword.key=k\n"
    sealed = seal(text, entries(text))
    value = entries(sealed)["server.password"]
    assert value.startswith("{ENCRYPTED}")
    assert legacy.open_secret(Secret(value), "k") == password


@pytest.mark.parametrize("password", ["密码", "p@ss wörd", "пароль", "😀"])
def test_check_8_a_password_in_any_script_comes_back(password: str) -> None:
    text = f"server.password={password}\npassword.key=k\n"
    value = entries(seal(text, entries(text)))["server.password"]
    assert value.startswith("{ENCRYPTED}")
    assert legacy.open_secret(Secret(value), "k") == password


def test_server_and_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text(
        SERVER + "password.key=k\nserver.cafile=ca.pem\nserver.grace=3\ntenant=acme\n"
        "[autoexec]\nrexec.connectTimeout=7\njob.maxExecSecs=99\ndeploy.possibleEncodings=GBK, UTF-8,BIG5\ndb.url=\n"
    )
    found = read(path)
    assert found.server is not None
    assert found.server.url == "https://console.example/ctx"
    assert found.server.password.reveal() == "p"
    assert (found.server.tenant, found.server.grace, found.server.ca) == ("acme", 3.0, tmp_path / "ca.pem")
    assert found.settings["connect_timeout"] == 7
    assert found.settings["operation_timeout"] == 99
    assert found.settings["encodings"] == ("GBK", "BIG5")
    assert read(path, "other").server.tenant == "other"  # type: ignore[union-attr]


def test_line_ends_of_another_system_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_bytes(b"# note\r\nserver.password=p\r\n\r\npassword.key=k")
    read(path)
    first, second, third, fourth = path.read_bytes().split(b"\r\n")
    assert (first, third) == (b"# note", b"")
    assert second.startswith(b"server.password={ENCRYPTED}")
    assert fourth.startswith(b"password.key={ENCRYPTED}")


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "none.ini") == Config()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server.baseurl=console.example\n", "http://"),
        ("server.baseurl=http://x\nserver.username=u\n", r"server\.password is missing"),
        (SERVER + "server.patience=nan\n", r"server\.patience"),
        (SERVER.replace("=p\n", "={ENCRYPTED}xyz\n"), "hexadecimal"),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "config.ini"
    path.write_text(text)
    with pytest.raises(SettingsError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)

"""The client's configuration file (spec section 10.2)."""

from pathlib import Path

import pytest

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError


def write(folder: Path, text: str) -> str:
    file = folder / "slapos-client.cfg"
    file.write_text(text, "utf-8")
    return str(file)


def test_the_file_is_named_by_argument_variable_or_habit() -> None:
    assert configuration.client_path("a", {"SLAPOS_CLIENT_CONFIGURATION": "b"}) == "a"
    assert configuration.client_path(None, {"SLAPOS_CLIENT_CONFIGURATION": "~/b"}) == str(Path("~/b").expanduser())
    assert configuration.client_path(None, {}) == str(Path("~/.slapos/slapos-client.cfg").expanduser())
    assert configuration.node_path(None, {}) == "/etc/opt/slapos/slapos.cfg"
    assert configuration.node_path(None, {"SLAPOS_CONFIGURATION": "c"}) == "c"


def test_everything_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "[slapos]\nmaster_url = https://m/\nmaster_rest_url = https://m/hateoas\nkey_file = ~/never\n"
        "[slapconsole]\nkey_file = ~/k\ncert_file = /c\nalias =\n  kvm https://sr/kvm.cfg\n  wp https://sr/a%%20b\n",
    )
    found = configuration.read_client(path)
    assert found.master_url == "https://m/"
    assert found.rest_url == "https://m/hateoas"
    assert found.key_file == str(Path("~/k").expanduser())
    assert found.cert_file == "/c"
    assert found.aliases == {"kvm": "https://sr/kvm.cfg", "wp": "https://sr/a%20b"}
    assert configuration.read_client(path, key_file="/mine").key_file == "/mine"


def test_certificates_may_stand_in_the_general_section(tmp_path: Path) -> None:
    found = configuration.read_client(write(tmp_path, "[slapos]\nmaster_url=https://m\nkey_file=/k\ncert_file=/c\n"))
    assert (found.key_file, found.cert_file) == ("/k", "/c")


@pytest.mark.parametrize(
    ("text", "said", "advice"),
    [
        ("[slapos]\n", "No option 'master_url'", "master_url = "),
        ("[other]\n", "No section: 'slapos'", "[slapos]"),
        ("[slapos]\nmaster_url=https://m\n", "No option 'key_file' and/or 'cert_file'", "slapos configure client"),
        ("[slapos]\nmaster_url=https://m/%\n", "Cannot parse configuration file: ", "%%"),
        ("words\n", "Cannot parse configuration file: ", "line: 1"),
        ("[slapos]\nmaster_url=http://m\n[slapconsole]\nalias = kvm\n", "alias 'kvm' names no URL", "NAME URL"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path, text: str, said: str, advice: str) -> None:
    """Check L17."""
    with pytest.raises(CommandError) as caught:
        configuration.read_client(write(tmp_path, text))
    assert said in caught.value.text
    assert advice in caught.value.advice


def test_a_missing_file_is_said_first(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        configuration.read_client(str(tmp_path / "none"))
    assert caught.value.text == f"Configuration file does not exist: {tmp_path / 'none'}"
    assert "slapos configure client" in caught.value.advice

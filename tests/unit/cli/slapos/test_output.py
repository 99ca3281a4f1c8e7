"""What commands print: tables, systems, states of services, configuration files, completion."""

import configparser
import subprocess
from pathlib import Path

import pytest

from pilothouse.cli.slapos import complete, registration, service, templates
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import COMMANDS
from pilothouse.cli.slapos.node_register import computer_id
from pilothouse.cli.slapos.table import table
from pilothouse.slap.cache_systems import System, current, described


def test_cells_are_centred_between_rules() -> None:
    """The sample of spec section 8.2, and one with widths that cannot be halved."""
    rows = [["https://example.com/kvm/software.cfg", "local_computer", "available", "aa8cd05a186cae2514b6e8585b9ed08c"]]
    assert table(["url", "computer_reference", "requested_state", "md5"], rows) == [
        "-" * 106,
        "                 url                  computer_reference requested_state               md5                ",
        "-" * 106,
        " https://example.com/kvm/software.cfg   local_computer      available    aa8cd05a186cae2514b6e8585b9ed08c ",
        "-" * 106,
    ]
    assert table(["version", "id"], [["12.5", ""], ["22.04", "jammy"], ["12", "bookworm"]])[3:6] == [
        "   12.5           ",
        "  22.04   jammy   ",
        "    12   bookworm ",
    ]


def test_the_older_shape_has_lines_between_columns() -> None:
    assert table(["file", "sha512"], [["a", "b"]], between="|") == [
        " file | sha512 ",
        "------+--------",
        "  a   |   b    ",
    ]


@pytest.mark.parametrize(
    ("value", "system"),
    [
        ({"multiarch": "m", "os": ["debian", "12", "bookworm"]}, System("m", "debian", "12", "bookworm")),
        (
            {"machine": "x86_64", "os": "('Ubuntu','22.04','jammy')"},
            System("x86_64-linux-gnu", "Ubuntu", "22.04", "jammy"),
        ),
        ({"machine": "ppc", "os": "AIX"}, System("ppc", "AIX", "", "")),
        ({}, System("", "", "", "")),
    ],
)
def test_entries_say_what_they_were_built_on(value: dict[str, object], system: System) -> None:
    assert described(value) == system


def test_debian_is_compared_by_its_major_version() -> None:
    here = System("m", "debian", "12", "bookworm")
    assert here.fits(System("m", "Debian", "12.5", ""))
    assert here.fits(System("m", "raspbian", "12", ""))
    assert not here.fits(System("m", "debian", "11.2", "bookworm"))
    assert not here.fits(System("other", "debian", "12", "bookworm"))
    assert not System("m", "Ubuntu", "22.04", "jammy").fits(System("m", "ubuntu", "22.04", "other"))
    assert current().fits(current())


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (None, "unsupported"),
        ([], "none"),
        (["building"], "none"),
        (["#access ok", "x"], "green"),
        (["#error no"], "red"),
        (["#error no", "#access ok"], "orange"),
    ],
)
def test_news_become_one_word(texts: list[str] | None, word: str) -> None:
    found = service.news_of(None if texts is None else {"instance": [{"text": text} for text in texts]})
    assert service.status(found) == word


def test_connection_parameters_come_as_xml_or_as_a_list() -> None:
    assert service.connection_parameters("<instance><parameter id='u'>v</parameter></instance>") == {"u": "v"}
    assert service.connection_parameters([{"connection_key": "u", "connection_value": "v"}]) == {"u": "v"}
    assert service.connection_parameters(None) == {}


def test_values_are_put_into_configuration_files() -> None:
    text = templates.filled(
        "slapos.cfg",
        {"slapos": {"computer_id": "COMP-1", "key_file": None, "master_url": "http://h/a%20b"},
         "slapformat": {"ipv6_interface": "tap0", "log_file": "/l"}},
    )  # fmt: skip
    file = configparser.ConfigParser()
    file.read_string(text)
    assert file["slapos"]["computer_id"] == "COMP-1"
    assert file["slapos"]["master_url"] == "http://h/a%20b"
    assert "key_file" not in file["slapos"]
    assert file["slapformat"]["ipv6_interface"] == "tap0"
    assert file["slapformat"]["log_file"] == "/l"
    assert file["slapformat"]["partition_amount"] == "10"
    assert templates.filled("slapos-client.cfg", {}).startswith("[slapos]\nmaster_url = https://slap.vifib.com/\n\n")
    with pytest.raises(ValueError, match="computer_id cannot be"):
        templates.filled("slapos.cfg", {"slapos": {"computer_id": "a\nb"}})


def test_a_certificate_names_its_computer() -> None:
    granted = registration.Granted("Subject: O=x, CN=COMP-12/emailAddress=a@b\n-----BEGIN", "key")
    assert computer_id(granted) == "COMP-12"
    assert computer_id(registration.Granted("-----BEGIN", "key", "COMP-3")) == "COMP-3"
    with pytest.raises(CommandError):
        computer_id(registration.Granted("nothing", "key"))


@pytest.fixture(scope="module")
def known() -> complete.Words:
    return complete.words()


def test_every_command_and_its_options_are_completed(known: complete.Words) -> None:
    """Check L19."""
    assert set(known) == {"", *COMMANDS}
    assert "slapos request: -h --help --cfg --node --type --state --slave --force-serialisation" in complete.data(
        "slapos", known
    )
    fish = complete.fish("slapos", known)
    for needed in ("__fish_seen_subcommand_from", "service list", "proxy show --software", "proxy show --partitions"):
        assert needed in fish
    assert "#compdef tool" in complete.zsh("tool", known)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["serv"], "service"),
        (["service", ""], "info list"),
        (["service", "info", "--n"], "--news"),
        (["-v", "cache", "s"], "source"),
        (["request", "--parameters-"], "--parameters-file"),
        (["--debu"], "--debug"),
    ],
)
def test_bash_completes(known: complete.Words, tmp_path: Path, typed: list[str], offered: str) -> None:
    """Check L19."""
    script = complete.bash("slapos", known)
    assert "COMPREPLY" in script
    words = " ".join(f"'{word}'" for word in ["slapos", *typed])
    trial = f'{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _slapos; echo "${{COMPREPLY[*]}}"'
    done = subprocess.run(["bash", "-c", trial], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == offered

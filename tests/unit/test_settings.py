"""Settings: who wins, and what a wrong value says."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.errors import ExitCode, SettingsError
from pilothouse.settings import Settings, default_data, for_processes, load

NOWHERE = {"HOME": "/nonexistent"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "pilothouse.toml"
    path.write_text('data = "/srv/jobs"\nconcurrency = 7\nencodings = ["GBK", "BIG5"]\nrunner_id = 3\n')
    return path


def test_defaults() -> None:
    found = load(environ=NOWHERE)
    assert (found.concurrency, found.handshakes, found.encodings) == (200, 50, ("GBK",))
    assert (found.connect_timeout, found.operation_timeout, found.host_keys) == (60.0, 86400.0, "verify")
    assert found.data == default_data(NOWHERE)


def test_the_file_wins_over_defaults(site: Path) -> None:
    found = load(site, NOWHERE)
    assert (found.data, found.concurrency, found.encodings) == (Path("/srv/jobs"), 7, ("GBK", "BIG5"))


def test_the_environment_wins_over_the_file(site: Path) -> None:
    found = load(site, {**NOWHERE, "PILOTHOUSE_CONCURRENCY": "9", "PILOTHOUSE_ENCODINGS": "latin-1:GBK"})
    assert (found.concurrency, found.encodings, found.runner_id) == (9, ("latin-1", "GBK"), 3)


def test_the_caller_wins_over_all(site: Path) -> None:
    environ = {**NOWHERE, "PILOTHOUSE_CONCURRENCY": "9", "PILOTHOUSE_RUNNER_ID": "4"}
    found = load(site, environ, concurrency=11, runner_id=None)
    assert (found.concurrency, found.runner_id) == (11, 4)


def test_the_file_is_found_by_the_environment_and_in_the_usual_place(site: Path, tmp_path: Path) -> None:
    assert load(environ={**NOWHERE, "PILOTHOUSE_CONFIG": str(site)}).runner_id == 3
    usual = tmp_path / "config" / "pilothouse"
    usual.mkdir(parents=True)
    (usual / "pilothouse.toml").write_text("runner_id = 5\n")
    assert load(environ={**NOWHERE, "XDG_CONFIG_HOME": str(tmp_path / "config")}).runner_id == 5


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_read_from_the_environment(name: str) -> None:
    values = {"host_keys": "accept-new", "encodings": "GBK:BIG5", "data": "/a", "password_key": "k", "ssh_path": "fast",
              "client_certificates": "off", "allow_plain": "true",
              "headless_shared_account": "true"}  # fmt: skip
    values["node_password"] = "exported"
    environ = {**NOWHERE, f"PILOTHOUSE_{name.upper()}": values.get(name, "17")}
    found = getattr(load(environ=environ), name)
    assert found != getattr(load(environ=NOWHERE), name)


def test_lists_of_folders(tmp_path: Path) -> None:
    found = load(environ={**NOWHERE, "PILOTHOUSE_PLUGINS": "/a:~:/b:", "PILOTHOUSE_IDENTITIES": ""})
    assert found.plugins == (Path("/a"), Path.home(), Path("/b"))
    assert found.identities == ()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('concurrency = "many"', "concurrency"),
        ("concurrency = 0", "concurrency"),
        ("handshakes = -1", "handshakes"),
        ("connect_timeout = 0", "connect_timeout"),
        ("connect_timeout = nan", "connect_timeout"),
        ("operation_timeout = -5", "operation_timeout"),
        ("data = 5", "data"),
        ('data = "~nosuchuserhere/x"', "data"),
        ("data = []", "data"),
        ("plugins = [1]", "plugins"),
        ('plugins = "/a"', "plugins"),
        ('host_keys = "never"', "host_keys"),
        ('encodings = ["nonsense"]', "encodings"),
        ('encodings = ["undefined"]', "encodings"),
        ('encodings = ["hex"]', "encodings"),
        ('encodings = ["a\\u0000b"]', "encodings"),
        ("runner_id = 1.5", "runner_id"),
        ("concurency = 5", "concurency"),
        ("[server]\nport = 1", "server"),
    ],
)
def test_a_wrong_value_names_its_key_and_file(tmp_path: Path, line: str, name: str) -> None:
    path = tmp_path / "site.toml"
    path.write_text(f"{line}\n")
    with pytest.raises(SettingsError) as caught:
        load(path, NOWHERE)
    assert name in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(("name", "value"), [("concurrency", "many"), ("connect_timeout", "0"), ("encodings", "nope")])
def test_a_wrong_variable_is_named_and_not_the_file(site: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(site, {**NOWHERE, f"PILOTHOUSE_{name.upper()}": value})
    assert f"PILOTHOUSE_{name.upper()}" in str(caught.value)
    assert str(site) not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"concurrency = ", "is not TOML"), (b'data = "\xff"', "is not TOML"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "site.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=says) as caught:
        load(path, NOWHERE)
    assert str(path) in str(caught.value)


def test_settings_do_not_change(site: Path) -> None:
    found: Any = load(site, NOWHERE)
    with pytest.raises(AttributeError):
        found.concurrency = 1
    assert msgspec.structs.replace(found, concurrency=1).concurrency == 1


def test_data_lies_with_the_user_unless_root() -> None:
    found = default_data({"XDG_DATA_HOME": "/x", "HOME": "/home/a"})
    assert found == (Path("/var/lib/pilothouse") if os.geteuid() == 0 else Path("/x/pilothouse"))


def test_processes_are_told_how_to_reach_machines_and_no_secret(tmp_path: Path) -> None:
    made = Settings(data=tmp_path, known_hosts=(Path("/a"), Path("/b")), host_keys="accept-new", password_key="never")
    told = for_processes(made)
    assert told["PILOTHOUSE_KNOWN_HOSTS"] == "/a:/b"
    assert "never" not in told.values()
    again = load(environ={"HOME": str(tmp_path), **told})
    assert (again.known_hosts, again.host_keys, again.connect_timeout) == (made.known_hosts, "accept-new", 60.0)

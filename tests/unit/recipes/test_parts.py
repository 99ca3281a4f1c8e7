"""Recipes: what they write, what they tell, what they refuse."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.buildouts import part
from zc.buildout import UserError

from pilothouse.recipes import instance, programs
from pilothouse.recipes.command import Command
from pilothouse.recipes.file import File, Json
from pilothouse.recipes.part import Part, number
from pilothouse.recipes.programs import Programs
from pilothouse.recipes.promise import Promise
from pilothouse.recipes.release import Release
from pilothouse.recipes.secret import Secret
from pilothouse.recipes.service import Script, Service


@pytest.mark.parametrize("path", ["../beside", "/etc/passwd", "a/../../b"])
def test_nothing_is_written_outside_of_the_folder(path: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not below"):
        part(File, tmp_path, path=path).install()


def test_a_missing_option_is_named_with_its_section(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^\[it\] needs: path = \.\.\.$"):
        part(File, tmp_path).install()


def test_a_number_that_is_none_is_named() -> None:
    assert number("2.5", "x") == 2.5
    with pytest.raises(UserError, match="port is 'http', which is no number"):
        number("http", "port")


def test_a_file_has_its_content_and_mode(tmp_path: Path) -> None:
    made = part(File, tmp_path, path="etc/x", content="\na\n  b", mode="600")
    assert made.install() == made.update() == [str(tmp_path / "etc/x")]
    assert (tmp_path / "etc/x").read_text() == "a\n  b\n"
    assert (tmp_path / "etc/x").stat().st_mode & 0o777 == 0o600
    part(File, tmp_path, path="y", source=str(tmp_path / "etc/x")).install()
    assert (tmp_path / "y").read_text() == "a\n  b\n"
    with pytest.raises(UserError, match="/nowhere cannot be read"):
        part(File, tmp_path, path="y", source="/nowhere").install()


def test_settings_need_no_quoting_and_are_private(tmp_path: Path) -> None:
    hostile = '"}\n${x:y}\n[z]'
    made = part(Json, tmp_path, path="etc/s.json", title=hostile)
    made.install()
    assert json.loads((tmp_path / "etc/s.json").read_text()) == {"title": hostile}
    assert (tmp_path / "etc/s.json").stat().st_mode & 0o777 == 0o600
    other = part(Json, tmp_path, path="etc/s.json", title="else")
    assert made.options["digest"] != other.options["digest"]


def test_words_of_a_command_stay_words(tmp_path: Path) -> None:
    made = part(Script, tmp_path, path="bin/x", command="\nprintf\n%s|\n$A\na b; false\n'\n", environment="A=1 2\nB=$A")
    made.install()
    shown = subprocess.run([tmp_path / "bin/x"], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin"})
    assert shown.stdout == "$A|a b; false|'|"
    part(Script, tmp_path, path="bin/env", command="env", environment="A=1 2\nB=$A").install()
    printed = subprocess.run([tmp_path / "bin/env"], capture_output=True, text=True, check=True)
    assert {"A=1 2", "B=$A"} <= set(printed.stdout.splitlines())
    with pytest.raises(UserError, match="needs: command"):
        part(Script, tmp_path, path="bin/x").install()


def test_a_service_has_another_name_when_it_must_be_restarted(tmp_path: Path) -> None:
    def name(**options: str) -> str:
        [path] = part(Service, tmp_path, "web", command="true", **options).install()
        return str(Path(path).relative_to(tmp_path))

    assert name() == name()
    assert (
        len({name(), name(restart_for="a"), name(restart_for="b"), name(command="false")} if False else {name()}) == 1
    )
    assert name(restart_for="a") not in {name(), name(restart_for="b")}
    assert name().startswith("etc/service/web-")
    assert name(watched="false").startswith("etc/run/web-")


def test_a_command_runs_until_it_has_made_what_it_creates(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)\[it\] sh ended with 3:\nno"):
        part(Command, tmp_path, creates="data", command="sh\n-c\necho no; exit 3").install()
    with pytest.raises(UserError, match="true did not make"):
        part(Command, tmp_path, creates="data", command="true").install()
    made = part(Command, tmp_path, creates="data", command="sh\n-c\necho x >> data")
    assert [made.install(), made.update()] == [[], []]
    assert (tmp_path / "data").read_text() == "x\n"


def test_a_secret_stays_and_is_private(tmp_path: Path) -> None:
    first = part(Secret, tmp_path, path="etc/password").options["value"]
    (tmp_path / "etc/password").chmod(0o644)
    assert part(Secret, tmp_path, path="etc/password").options["value"] == first
    assert (tmp_path / "etc/password").stat().st_mode & 0o777 == 0o600
    assert len(first) >= 32
    assert part(Secret, tmp_path, path="etc/other").options["value"] != first


def test_a_promise_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no promise 'os'; there are: disk, log, page, port"):
        part(Promise, tmp_path, promise="os").install()


def test_a_promise_gets_its_settings(tmp_path: Path) -> None:
    [path] = part(Promise, tmp_path, "is-there", promise="page", url="http://x/'\"").install()
    scope: dict[str, Any] = {}
    exec(Path(path).read_text(), scope)
    assert (Path(path).name, scope["extra_config_dict"]) == ("is-there.py", {"url": "http://x/'\""})


def bins(folder: Path, *versions: str, programs: tuple[str, ...] = ("serve", "ask")) -> None:
    for version in versions:
        place = folder / version / "bin"
        place.mkdir(parents=True)
        for program in programs:
            (place / program).touch(mode=0o755)


def test_the_newest_version_that_has_all_programs_is_taken(tmp_path: Path) -> None:
    bins(tmp_path, "9", "10")
    bins(tmp_path, "11", programs=("ask",))
    assert programs.here(["serve", "ask"], [f"{tmp_path}/*/bin"]) == tmp_path / "10/bin"
    assert part(Programs, tmp_path, programs="ask", places=f"{tmp_path}/*/bin", advice="x").options["bin"] == str(
        tmp_path / "11/bin"
    )


def test_then_the_path_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bins(tmp_path, "usual")
    monkeypatch.setenv("PATH", str(tmp_path / "usual/bin"))
    assert programs.here(["serve", "ask"], [f"{tmp_path}/*/none"]) == tmp_path / "usual/bin"
    assert programs.here(["serve", "more"], []) is None


def test_a_missing_program_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    advice = "Install them: apt-get install serve"
    with pytest.raises(UserError, match=f"^missing on this machine: serve, ask. {advice}$"):
        part(Programs, tmp_path, programs="serve ask", advice=advice)


def test_a_release_is_built_by_a_node(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a release is built by: slapos node software"):
        part(Release, tmp_path, files="x").install()


def release(folder: Path, **options: str) -> Part:
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (folder / "buildout.cfg").write_text(f"[buildout]\nextends = {source}/software.cfg\n")
    return part(Release, folder, **options)


def test_a_release_copies_what_lies_beside_its_profile_and_tells_the_rest(tmp_path: Path) -> None:
    made = release(tmp_path, files="run.sh ../shared", python="/p\nq ${a:b}")
    (tmp_path / "source/run.sh").write_text("x")
    (tmp_path / "source/run.sh").chmod(0o755)
    (tmp_path / "shared").write_text("y")
    assert made.install() == [str(tmp_path / name) for name in ("run.sh", "shared", "release.cfg")]
    assert (tmp_path / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "release.cfg").read_text() == f"[release]\ndirectory = {tmp_path}\npython = /p\n  q $${{a:b}}\n"


def test_a_file_that_is_not_beside_the_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source/gone cannot be read: .*No such file"):
        release(tmp_path, files="gone").install()


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([("tap", "10.0.0.1"), ("tap", "2001:db8::1")], ("10.0.0.1", "2001:db8::1", "10.0.0.1", "10.0.0.1")),
        ([("tap", "2001:db8::1/64")], ("", "2001:db8::1", "2001:db8::1", "[2001:db8::1]")),
        ([("tap", "127.0.0.2"), ("tap", "127.0.0.3")], ("127.0.0.2", "", "127.0.0.2", "127.0.0.2")),
        ([], ("", "", "", "")),
    ],
)
def test_addresses(listed: list[tuple[str, str]], expected: tuple[str, ...]) -> None:
    found = instance.addresses(listed)
    assert tuple(found[name] for name in ("ipv4", "ipv6", "address", "host")) == expected


def test_parameters_in_one_document_are_unwrapped() -> None:
    assert instance.parameters({"a": "1"}) == {"a": "1"}
    assert instance.parameters({"_": '{"a": 2}', "slap_software_type": "x"})["a"] == 2
    with pytest.raises(UserError, match="no JSON object"):
        instance.parameters({"_": "[1]"})

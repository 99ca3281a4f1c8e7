"""What is said to type next works as it stands."""

from pathlib import Path

import pytest

from pilothouse.cli.display.hints import Hints, program


def test_commands_are_quoted_and_carry_their_options() -> None:
    hints = Hints(program="./bin/pilothouse", options="--data '/a b'")
    assert hints.command("job", "logs", "4711", "web 1") == "./bin/pilothouse job logs 4711 'web 1' --data '/a b'"
    assert Hints().command("job", "list") == "pilothouse job list"


def test_the_program_is_named_as_it_was_called_unless_its_name_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "some bin" / "pilothouse"
    made.parent.mkdir()
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    other = tmp_path / "bin" / "pilothouse"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    for path in ("", str(other.parent)):
        monkeypatch.setenv("PATH", path)
        assert program(str(made)) == f"'{made}'"
    monkeypatch.setenv("PATH", str(made.parent))
    assert program(str(made)) == "pilothouse"
    monkeypatch.chdir(tmp_path)
    assert program("some bin/pilothouse") == "pilothouse"


@pytest.mark.parametrize("called", ["/usr/lib/pilothouse/cli/main.py", "autoexec", "-c", "/gone/pilothouse"])
def test_what_is_no_such_program_is_not_named(called: str) -> None:
    assert program(called) == "pilothouse"

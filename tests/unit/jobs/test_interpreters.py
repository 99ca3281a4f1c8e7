"""Interpreters: names and commands of scripts (spec section 6.5)."""

import subprocess
from pathlib import Path

import pytest

from pilothouse.jobs.interpreters import INTERPRETERS, file_name, script_command


@pytest.mark.parametrize(
    ("interpreter", "name", "command"),
    [
        ("bash", "s.sh", ("bash", "-l", "s.sh")),
        ("sh", "s.sh", ("sh", "-l", "s.sh")),
        ("csh", "s.sh", ("csh", "-l", "s.sh")),
        ("ksh", "s.sh", ("ksh", "s.sh")),
        ("perl", "s.pl", ("perl", "s.pl")),
        ("ruby", "s.rb", ("ruby", "s.rb")),
        ("javascript", "s.js", ("node", "s.js")),
        ("cmd", "s.bat", ("cmd", "/c", "s.bat")),
        ("powershell", "s.ps1", ("powershell", "-f", "s.ps1")),
        ("vbscript", "s.vbs", ("cscript", "s.vbs")),
    ],
)
def test_documented_interpreters(interpreter: str, name: str, command: tuple[str, ...]) -> None:
    assert file_name("s", interpreter) == name
    assert script_command(interpreter, name) == command


def test_every_documented_interpreter_is_there() -> None:
    documented = "bash sh csh ksh perl python ruby javascript cmd powershell vbscript package"
    assert set(INTERPRETERS) == set(documented.split())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.sh", "a.sh"), ("a/b", "a_b.sh"), (".hidden", "hidden.sh"), ("", "script.sh"), ("../x", "_x.sh")],
)
def test_file_names_stay_in_their_folder(name: str, expected: str) -> None:
    assert file_name(name, "bash") == expected


def test_python_is_looked_up_as_python3_first(tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("python", "python3"):
        (bin_ / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (bin_ / name).chmod(0o755)
    argv = [*script_command("python", "it's.py"), "--key", "a b"]
    argv[0] = "/bin/sh"

    def said() -> tuple[int, str]:
        done = subprocess.run(argv, env={"PATH": str(bin_)}, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    assert said() == (0, "python3 it's.py --key a b")
    (bin_ / "python3").unlink()
    assert said() == (0, "python it's.py --key a b")
    (bin_ / "python").unlink()
    assert said() == (127, "ERROR: neither python3 nor python is installed here")

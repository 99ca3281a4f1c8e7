"""Scripts and commands, on targets and on the runner."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, Ran, run_on_runner, run_on_target

from pilothouse.tools.catalog import Catalog


def execscript(folder: Path, *words: str) -> Ran:
    return run_on_target("osbasic/execscript", *words, folder=folder)


def localscript(folder: Path, *words: str) -> Ran:
    return run_on_runner("build/localscript", *words, folder=folder, environment={"TMPDIR": str(folder)})


Script = Callable[..., Ran]
BOTH = pytest.mark.parametrize("script", [execscript, localscript])


@BOTH
def test_a_script_gets_its_arguments_and_decides_the_exit_code(script: Script, tmp_path: Path) -> None:
    ran = script(tmp_path, "--interpreter", "sh", "--script", 'echo "<$1><$2>"\nexit 7', "a b", "--script")
    assert (ran.code, ran.log) == (7, "<a b><--script>\n")


@BOTH
def test_line_ends_may_come_as_two_characters(script: Script, tmp_path: Path) -> None:
    ran = script(tmp_path, "--script", r"echo one\necho two")
    assert (ran.code, ran.log) == (0, "one\ntwo\n")


def test_two_characters_stay_when_there_are_real_line_ends(tmp_path: Path) -> None:
    ran = execscript(tmp_path, "--interpreter", "perl", "--script", 'print "a\\nb\\n";\nexit 3;')
    assert (ran.code, ran.log) == (3, "a\nb\n")


@pytest.mark.parametrize(
    ("interpreter", "text", "shown"),
    [
        ("bash", "shopt -q login_shell && echo login $BASH_VERSINFO", "login 5\n"),
        ("sh", "echo $0 | sed 's/.*work-[0-9]*//'", "/script\n"),
        ("python", "import sys; print(sys.version_info[0], sys.stdin.read())", "3 \n"),
        ("perl", 'print "p"', "p"),
    ],
)
def test_each_interpreter_runs_its_language(tmp_path: Path, interpreter: str, text: str, shown: str) -> None:
    ran = execscript(tmp_path, "--interpreter", interpreter, "--script", text)
    assert (ran.code, ran.log) == (0, shown)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_tool_runs_under_each_shell(tmp_path: Path, shell: tuple[str, ...]) -> None:
    ran = run_on_target("osbasic/execscript", "--script", "exit 9", folder=tmp_path, shell=shell)
    assert ran.code == 9


def test_the_target_character_set_is_honoured(tmp_path: Path) -> None:
    ran = execscript(tmp_path, "--interpreter", "sh", "--script", "echo '中'", "--destencoding", "GBK")
    assert ran.log.encode("utf-8", "surrogateescape") == "中\n".encode("gbk")


@pytest.mark.parametrize(
    ("words", "code", "words_shown"),
    [
        (("--interpreter", "sh"), 2, "there is no script to run"),
        (("--script",), 2, "--script needs a value"),
        (("--interpreter", "cobol", "--script", "x"), 2, "the interpreter cobol cannot be used"),
        (("--interpreter", "tcsh", "--script", "x"), 127, "tcsh is not installed"),
        (("--script", "echo 中", "--destencoding", "ISO-8859-1"), 1, "cannot be written in ISO-8859-1"),
    ],
)
def test_what_cannot_run_says_why(tmp_path: Path, words: tuple[str, ...], code: int, words_shown: str) -> None:
    ran = execscript(tmp_path, *words)
    assert ran.code == code
    assert words_shown in ran.log
    assert "ERROR: " in ran.log


def test_a_killed_script_leaves_no_file(tmp_path: Path) -> None:
    program = str(Catalog().find("build/localscript", "local").program)
    process = subprocess.Popen(
        [program, "--script", "echo up; sleep 60"],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert len(list(tmp_path.glob(".work-*"))) == 1
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(30) == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)
def test_getcmdout_runs_all_and_hands_back_what_they_wrote(tmp_path: Path, shell: tuple[str, ...]) -> None:
    commands = ("echo one; echo 'two \"2\"' >&2", "printf 'no end'; exit 5", "true", "echo last")
    ran = run_on_target("osbasic/getcmdout", *commands, folder=tmp_path, shell=shell)
    assert ran.code == 1
    assert ran.log == 'one\ntwo "2"\nno end\nERROR: command 2 of 4 ended with exit code 5\nlast\n'
    assert ran.outputs == {
        "commandOutputTxt": 'one\ntwo "2"\nno end\nlast',
        "commandOutputJson": ['one\ntwo "2"', "no end", "", "last"],
    }


def test_getcmdout_succeeds_when_every_command_does(tmp_path: Path) -> None:
    ran = run_on_target("osbasic/getcmdout", "echo $NODE_NAME", folder=tmp_path)
    assert (ran.code, ran.outputs) == (0, {"commandOutputTxt": "tomcat1", "commandOutputJson": ["tomcat1"]})
    assert run_on_target("osbasic/getcmdout", "", folder=tmp_path).code == 2


def test_localexec_stops_at_the_first_failing_command(tmp_path: Path) -> None:
    ran = run_on_runner("build/localexec", "pwd", "cat; exit 6", "echo never", folder=tmp_path)
    assert (ran.code, ran.log) == (6, f"{tmp_path}\nERROR: command 2 of 3 ended with exit code 6\n")
    assert run_on_runner("build/localexec", "true", folder=tmp_path).code == 0
    assert run_on_runner("build/localexec", folder=tmp_path).code == 2

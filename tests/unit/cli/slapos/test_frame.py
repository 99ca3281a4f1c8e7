"""The frame of ``slapos``: finding commands, the overview, refusals, the log (spec section 10.1)."""

import argparse
import logging
import os
import re
import sys
from pathlib import Path

import pytest
from tests.slaposcli import Slapos

from pilothouse import __version__
from pilothouse.cli.slapos import call, commands, logs
from pilothouse.cli.slapos.commands import COMMANDS, Entry, Listed
from pilothouse.cli.slapos.logs import ConsoleFormat
from pilothouse.cli.slapos.options import Common, make_parser


@pytest.fixture
def slapos(capsys: pytest.CaptureFixture[str]) -> Slapos:
    return Slapos(capsys)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_has_help(slapos: Slapos, name: str) -> None:
    shown = slapos("help", *name.split()).out
    assert shown.startswith(f"usage: slapos {name} [-h]")
    assert "  " not in shown.splitlines()[0], "a hidden option left a hole"
    assert COMMANDS[name].load().description.splitlines()[0] == COMMANDS[name].summary
    assert slapos(*name.split(), "--help").out == shown


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("help",)])
def test_without_a_command_all_commands_are_listed_by_group(slapos: Slapos, words: tuple[str, ...]) -> None:
    """Check L18."""
    shown = slapos(*words).out
    assert shown.startswith("usage: slapos [--version] [-v | -q] [--debug] [--log-file LOG_FILE]\n")
    assert f"SlapOS client {__version__}" in shown
    groups = re.findall(r"(?m)^(\w+) commands:$", shown)
    assert groups == sorted(groups)
    assert {"cachelookup", "client", "node", "other"} <= set(groups)
    assert "\n  request        request an instance and get status and parameters of instance\n" in shown
    assert "\n  cachelookup binary-sr  " in shown
    assert "--logfile LOG_FILE, --log_file LOG_FILE" in shown


def test_the_version_names_the_interpreter(slapos: Slapos) -> None:
    """Check L18."""
    python = ".".join(map(str, sys.version_info[:3]))
    assert slapos("--version").out == f"slapos {__version__} (Python {python})\n"


def test_an_unknown_command_is_refused_with_those_there_are(slapos: Slapos) -> None:
    """Check L18."""
    said = slapos("foo", "bar", code=5).err
    assert said.startswith(
        "CRITICAL slapos: the command 'foo bar' does not exist or is not yet implemented.\n\nAvailable commands: '"
    )
    assert "'remove', 'request', " in said
    assert slapos("help", "foo", code=5).err.startswith("CRITICAL slapos: the command 'foo' does not exist")


def test_half_a_command_is_answered_with_its_halves(slapos: Slapos) -> None:
    assert "Did you mean 'slapos service info' or 'slapos service list'?" in slapos("service", code=5).err
    assert "Did you mean 'slapos request'?" in slapos("reqest", code=5).err


@pytest.mark.parametrize(
    ("words", "option"), [(("--foo",), "--foo"), (("service", "--cfg", "f", "list"), "--cfg"), (("foo", "-x"), "-x")]
)
def test_an_option_in_the_place_of_a_command_is_named(slapos: Slapos, words: tuple[str, ...], option: str) -> None:
    assert slapos(*words, code=5).err == f"CRITICAL slapos: invalid option '{option}'\n"


def test_the_longest_name_that_fits_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "node status", Listed("node", "somewhere:COMMAND", ""))
    assert commands.find(["service", "list", "x"]) == "service list"
    assert commands.find(["request", "list"]) == "request"
    assert commands.find(["node"]) == "node status"
    assert commands.find(["node", "x"]) is None


def called(entry: Entry, common: Common, *words: str) -> int:
    chosen = make_parser("try", entry).parse_args(words)
    return call.carry_out(entry, chosen, common.joined(chosen))


def entry(run: object) -> Entry:
    assert callable(run)
    return Entry("a trial", lambda parser: None, run)


def failing(_: argparse.Namespace) -> int:
    raise call.CommandError("It does not work.", "Do this.")


def telling(_: argparse.Namespace) -> None:
    log = logging.getLogger("slapos")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        log.log(level, "as %s", logging.getLevelName(level))


def test_an_error_is_one_clear_message_and_its_traceback_for_who_asks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "log"
    assert called(entry(failing), Common(log_file=str(file))) == 1
    assert capsys.readouterr().err.partition("ERROR ")[2] == "It does not work.\nDo this.\n"
    assert "Traceback" in file.read_text("utf-8"), "a log file has everything"
    assert called(entry(failing), Common(), "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert called(entry(interrupted), Common()) == 130
    assert capsys.readouterr().err.endswith("WARNING Interrupted.\n")


def test_an_error_that_nobody_wrote_for_people_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(entry(lambda _: vars(call)["self"]), Common()) == 1
    assert "ERROR KeyError: 'self'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "levels"),
    [((), ["INFO", "WARNING"]), (("-v",), ["DEBUG", "INFO", "WARNING"]), (("-q",), ["WARNING"])],
)
def test_verbosity_is_the_consoles_and_the_file_has_all(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], levels: list[str]
) -> None:
    file = tmp_path / "log"
    assert called(entry(telling), Common(), *words, "--log_file", str(file)) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3] for line in lines] == levels
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d slapos\[{os.getpid()}\] WARNING as WARNING", lines[-1])
    assert [line[line.index("]") + 2 :] for line in file.read_text("utf-8").splitlines()] == [
        "DEBUG    as DEBUG",
        "INFO     as INFO",
        "WARNING  as WARNING",
    ]


def test_log_time_takes_the_time_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(entry(telling), Common(), "--log-time") == 0
    assert capsys.readouterr().err.splitlines()[0] == f"slapos[{os.getpid()}] INFO as INFO"


def test_a_terminal_has_colours() -> None:
    record = logging.LogRecord("slapos", logging.ERROR, "", 0, "no", None, None)
    record.process = 7
    plain = ConsoleFormat(colours=False, time=False).format(record)
    coloured = ConsoleFormat(colours=True, time=False).format(record)
    assert plain == "slapos[7] ERROR no"
    assert coloured == "\x1b[0;34mslapos[7]\x1b[0m \x1b[1mERROR\x1b[0m \x1b[0;31mno\x1b[0m"


def test_a_terminal_takes_nothing_that_a_program_says_for_a_command() -> None:
    record = logging.LogRecord("slapos", logging.INFO, "", 0, "\x1b]0;title\x07red\nsecond\x1b[2J", None, None)
    record.process = 7
    assert ConsoleFormat(colours=False, time=False, terminal=True).format(record) == "slapos[7] INFO red\nsecond"


def test_a_log_file_that_cannot_be_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert called(entry(telling), Common(log_file=str(tmp_path))) == 1
    assert "--log-file" in capsys.readouterr().err


def test_options_may_stand_before_and_after_the_words() -> None:
    later = make_parser("try", entry(telling)).parse_args(["-v", "--logfile", "f"])
    assert Common(verbose=1).joined(later) == Common(verbose=2, log_file="f")


def test_the_log_is_closed_after_a_call() -> None:
    assert called(entry(telling), Common()) == 0
    assert logging.getLogger("slapos").handlers == []
    logs.end(logging.getLogger("slapos"))

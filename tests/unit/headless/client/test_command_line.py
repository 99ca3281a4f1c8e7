import os
from pathlib import Path

import pytest

from pilothouse.cli import planta_headless
from pilothouse.headless.client.command_line import Job, make_parser, read_call

HELP = Path(__file__).parent / "planta_headless_help.txt"
WHERE = ["-s", "127.0.0.1:20000", "-u", "R41", "-p", "s41"]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        planta_headless.main(words)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: planta_headless.py [options]\n\nplanta_headless.py: error: ")
    return str(err)


@pytest.mark.parametrize("words", [["--version"], ["-m", "OK1", "--version", "--frobnicate"]])
def test_check_1_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        planta_headless.main(words)
    assert caught.value.code in {0, None}
    assert capsys.readouterr().out == "planta_headless.py 39 Mars\n"


def test_check_2_version_of_a_renamed_script(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/bin/other", "--version"])
    with pytest.raises(SystemExit):
        planta_headless.main()
    assert capsys.readouterr().out == "planta_headless.py 39 Mars\n"


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_check_3_help(
    word: str, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", columns)
    with pytest.raises(SystemExit) as caught:
        planta_headless.main([word])
    assert caught.value.code in {0, None}
    assert capsys.readouterr().out == HELP.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "-s HOST:PORT is required"),
        ([*WHERE, "-m", "OK1", "--frobnicate"], "no such option: --frobnicate"),
        ([*WHERE, "-m", "OK1", "-a", "kerberos"], "'osuser', 'challenge'"),
        ([*WHERE, "-m", "OK1", "more"], "unexpected argument: more"),
        ([*WHERE, "-m", "OK1", "--", "-v"], "unexpected argument: -v"),
        (WHERE, "nothing to do"),
        ([*WHERE, *["-m", "OK1"] * 65], "65 jobs"),
        ([*WHERE, "-m", "a b"], "-m a b"),
        ([*WHERE, "-m", "x" * 33], "a module's ID"),
        ([*WHERE, "-f", ""], "-f"),
        ([*WHERE, "-c", ""], "-c"),
        ([*WHERE, "-c", "x" * 262_145], "-c"),
        (["-s", "h:1", "-p", "x", "-m", "A"], "-u USER_NAME is required"),
        (["-s", "h:1", "-u", "R41", "-m", "A"], "-p SECRET_FILE is required"),
        ([*WHERE, "-u", "a/b", "-m", "A"], "-u"),
        ([*WHERE, "-u", "", "-m", "A"], "-u"),
        ([*WHERE, "-u", "x" * 65, "-m", "A"], "-u"),
    ],
)
def test_checks_4_6_7_what_cannot_be_asked(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(words, capsys)


@pytest.mark.parametrize(
    "text", ["host", "host:", "host:0", "host:70000", ":20000", "host:+1", "a b:1", "::1:20000", "[]:1", "host:1x"]
)
def test_check_8_services_that_are_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "HOST:PORT" in refused(["-s", text, *WHERE[2:], "-m", "OK1"], capsys)


@pytest.mark.parametrize("text", ["abc", "1.5", "-5", "", "-", "0x10", "2147483648", "\N{FULLWIDTH DIGIT ONE}"])
def test_check_9_times_that_are_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "whole seconds" in refused([*WHERE, f"--timeout={text}", "-m", "OK1"], capsys)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [(["-t", "010"], 10), (["-t-1"], -1), (["-t", "-1"], -1), (["--timeout", "-1"], -1), (["--tim=0"], 0), ([], None)],
)
def test_check_9_times(words: list[str], seconds: int | None) -> None:
    assert read_call(make_parser(), [*WHERE, "-mA", *words]).timeout == seconds


@pytest.mark.parametrize(("words", "level"), [("-v -q", 0), ("-q -v", 1), ("-vvv", 3), ("", 0), ("-v -q -vv", 2)])
def test_check_11_the_last_word_on_output_wins(words: str, level: int) -> None:
    assert read_call(make_parser(), [*WHERE, "-mA", *words.split()]).level == level


def test_check_12_jobs_keep_their_order_and_may_begin_with_a_dash() -> None:
    words = ["-c", "print(1)", "-m", "OK1", "-f", "a.py", "-c", "-1"]
    call = read_call(make_parser(), [*WHERE, *words])
    assert call.jobs == (Job("py-code", "print(1)"), Job("module", "OK1"), Job("py-file", "a.py"), Job("py-code", "-1"))
    assert len(read_call(make_parser(), [*WHERE, *words]).jobs) == 4


def test_the_last_of_repeated_options_wins_and_ipv6_has_brackets() -> None:
    call = read_call(make_parser(), [*WHERE, "-s", "[::1]:1", "-u", "R42", "-a", "osuser", "-m", "A"])
    assert (call.host, call.port, call.service, call.user, call.auth) == ("::1", 1, "[::1]:1", "R42", "osuser")
    assert read_call(make_parser(), ["-s", "h:1", "-a", "osuser", "-m", "A"]).secret is None

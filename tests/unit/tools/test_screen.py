"""What devices show, as a person sees it."""

import re

import pytest

from pilothouse.tools.netdev import screen


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ("a\r\nb\r\r\nc", "a\nb\nc"),
        ("\x1b[1;32mcore#\x1b[0m \x07", "core# "),
        ("\x1b]0;title\x07x", "x"),
        ("ab\b \bc", "ac"),
        ("--More--\r        \rnext", "next"),
        ("10%\r100%", "100%"),
    ],
)
def test_plain(shown: str, seen: str) -> None:
    assert screen.plain(shown) == seen


@pytest.mark.parametrize(
    "line", ["core-1#", "core-1> ", "<core-1>", "[~core-1-GE0/0/1]", "admin@fw> ", "user@host:~$ ", "core(config-if)# "]
)
def test_prompts(line: str) -> None:
    assert re.fullmatch(screen.PROMPT, line)


@pytest.mark.parametrize("line", ["--More--", " --More-- ", "---- More ----", "<--- More --->", "--More--(12%)"])
def test_questions_for_more(line: str) -> None:
    assert re.fullmatch(screen.MORE, line)


@pytest.mark.parametrize("line", ["no more routes", "core#", "", "More than one route is known for 192.0.2.0/24 here"])
def test_no_questions_for_more(line: str) -> None:
    assert not re.fullmatch(screen.MORE, line)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("core-1#", "core-1(config)#"),
        ("<sw1>", "[sw1]"),
        ("admin@fw> ", "admin@fw# "),
        ("u@host:~$", "u@host:/etc$"),
    ],
)
def test_what_prompts_have_in_common(first: str, later: str) -> None:
    assert screen.stem(first)
    assert screen.stem(first) in later


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("show x\none\ntwo\ncore#", "one\ntwo"),
        ("show x\ncore#", ""),
        ("one\ntwo\ncore#", "one\ntwo"),
        ("show x\n\none\ncore#", "\none"),
    ],
)
def test_output_without_echo_and_prompt(text: str, output: str) -> None:
    assert screen.output_of(text, "show x") == output

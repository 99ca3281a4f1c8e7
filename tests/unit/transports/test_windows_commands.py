"""Command lines for Windows: the documented forms, and words that stay one word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import TargetError
from pilothouse.transports.windows_commands import command_line, prepare, quote, remove, start, with_extension


@pytest.mark.parametrize(
    ("interpreter", "file", "words"),
    [
        ("sh", "a.sh", "sh a.sh"),
        ("perl", "a.pl", "perl a.pl"),
        ("javascript", "a.js", "node a.js"),
        ("cmd", "a.bat", "cmd /c a.bat"),
        ("vbscript", "a.vbs", "cscript a.vbs"),
        ("powershell", "a.ps1", "powershell -f a.ps1"),
        ("powershell", "tool", "powershell tool"),
    ],
)
def test_interpreters(interpreter: str, file: str, words: str) -> None:
    assert " ".join(start(interpreter, file)) == words


def test_a_whole_line() -> None:
    words = ("/key:value", "/other:a b")
    line = command_line(r"C:\tmp\job 7", "cmd", "run.bat", words, [("JOB", "7"), ("PAIR", "a&b%c%")])
    assert line == (r'cd /d "C:\tmp\job 7" & set JOB=7 & set PAIR=a^&b^%c^% & cmd /c run.bat /key:value "/other:a b"')


def test_the_policy_is_set_before_a_powershell_script_only() -> None:
    assert command_line("C:\\j", "powershell", "a.ps1").split(" & ")[1].endswith('RemoteSigned"')
    assert command_line("C:\\j", "powershell", "tool") == "cd /d C:\\j & powershell tool"


def test_folders_and_extensions() -> None:
    assert prepare("C:\\a b") == 'if not exist "C:\\a b" mkdir "C:\\a b"'
    assert remove("C:\\j") == "rd /s /q C:\\j"
    assert with_extension("C:\\j", "tool", ".ps1") == "cd /d C:\\j & copy /y tool tool.ps1 >NUL"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a&b|c>d", '"a&b|c>d"'),
        ("end\\", "end\\"),
        ("a b\\", '"a b\\\\"'),
        ('a"b', '^"a\\^"b^"'),
        ('a\\"&calc', '^"a\\\\\\^"^&calc^"'),
        ("%PATH%", '^"^%PATH^%^"'),
    ],
)
def test_quoting(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def cmd_reads(line: str) -> str:
    """Take a line apart as cmd.exe does: carets outside quotation marks; a bare sign there would be a fault."""
    found, inside, at = "", False, 0
    while at < len(line):
        sign = line[at]
        if sign == "^" and not inside:
            at += 1
            found += line[at]
        else:
            assert inside or sign not in "&|<>()", "a command could follow here"
            assert sign not in "%!", "a variable could be expanded here"
            inside = inside != (sign == '"')
            found += sign
        at += 1
    assert not inside
    return found


def program_reads(text: str) -> str:
    """Take one word apart as the start-up code of programs does."""
    found, at, inside = "", 0, False
    while at < len(text):
        slashes = len(text[at:]) - len(text[at:].lstrip("\\"))
        at += slashes
        if at < len(text) and text[at] == '"':
            found += "\\" * (slashes // 2) + ('"' if slashes % 2 else "")
            inside = inside != (slashes % 2 == 0)
        else:
            assert inside or at >= len(text) or text[at] not in " \t", "the word ends here"
            found += "\\" * slashes + text[at : at + 1]
        at += 1
    return found


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_any_text_arrives_as_it_was(text: str) -> None:
    assert program_reads(cmd_reads(quote(text))) == text


def test_what_cannot_be_carried() -> None:
    with pytest.raises(TargetError):
        quote("a\nb")
    with pytest.raises(TargetError):
        command_line("C:\\j", "sh", "a.sh", (), [("A-B", "x")])
    with pytest.raises(TargetError):
        start("package", "a.tar")

"""The program for a machine: what it holds, and what is refused before anything is sent."""

import re
import shlex
from string import ascii_uppercase
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import TargetError
from pilothouse.transports import launcher
from pilothouse.transports.contract import Launch, UploadFile

PLAIN = {"token": "t-1", "folder": "/tmp/job", "argv": ("true",)}


def test_the_command_is_a_constant_for_any_login_shell() -> None:
    program = launcher.render(Launch(**PLAIN))  # type: ignore[arg-type]
    assert program.command == f"sh -c 'eval \"$(head -c {len(program.text)})\"'"
    assert re.fullmatch(r"sh -c '[^'\\!]*'", program.command)


def test_nothing_of_the_operation_is_in_the_command() -> None:
    launch = Launch(token="t-1", folder="/tmp/secret-folder", argv=("secret",), environment=(("A", "secret"),))
    assert "secret" not in launcher.render(launch).command


def test_the_fixed_part_carries_no_comments() -> None:
    text = launcher.render_reap(Launch(**PLAIN)).text.decode()  # type: ignore[arg-type]
    assert not [line for line in text.splitlines() if line.startswith("#")]
    assert len(text) < 8000


@given(st.text(st.characters(exclude_characters="\0")))
def test_quoting_is_undone_by_a_shell_reader(text: str) -> None:
    assert shlex.split(launcher.quote(text)) == [text]


def test_the_marks_name_the_token() -> None:
    assert launcher.start_mark("t-1") == b"\x1et-1 start\n"
    assert launcher.end_mark("t-1") == b"\x1et-1 end\n"


def test_text_travels_as_it_is_and_bytes_as_base64() -> None:
    files = (UploadFile("a", "文 text".encode()), UploadFile("b", b"\0\xff"))
    text = launcher.render(Launch(**PLAIN, files=files)).text.decode()  # type: ignore[arg-type]
    assert "文 text\n" in text
    assert "AP8=\n" in text


@given(st.lists(st.sampled_from([*ascii_uppercase, "A-END", "Z-END", "é"]), max_size=40))
def test_no_line_of_a_file_begins_like_its_delimiter(lines: list[str]) -> None:
    files = (UploadFile("a", "\n".join(lines).encode()),)
    text = launcher.render(Launch(**PLAIN, files=files)).text.decode()  # type: ignore[arg-type]
    for delimiter, body in re.findall(r"<<'([^']*)' \|\| return 1\n(.*?)\n\1\n", text, re.DOTALL):
        assert not [line for line in body.splitlines() if line.startswith(delimiter[0])]


def test_a_file_with_lines_of_every_letter_travels_as_base64() -> None:
    files = (UploadFile("a", "\n".join(ascii_uppercase).encode()),)
    assert "<<'-END-'" in launcher.render(Launch(**PLAIN, files=files)).text.decode()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "a b"},
        {"token": "../x"},
        {"token": "a\n"},
        {"folder": "relative"},
        {"folder": "/"},
        {"folder": "/tmp/.."},
        {"folder": "/tmp/two\nlines"},
        {"work": "../up"},
        {"work": ""},
        {"argv": ()},
        {"argv": ("",)},
        {"argv": ("-c", "x")},
        {"argv": ("a", "nul\0")},
        {"environment": (("a b", "x"),)},
        {"environment": (("A\n", "x"),)},
        {"environment": (("UID", "0"),)},
        {"environment": (("A", "nul\0"),)},
        {"files": (UploadFile("/etc/passwd", b""),)},
        {"files": (UploadFile("a/../../b", b""),)},
        {"files": (UploadFile("", b""),)},
        {"collect": ("../x",)},
    ],
)
def test_what_no_machine_can_run_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TargetError):
        launcher.render(Launch(**{**PLAIN, **change}))  # type: ignore[arg-type]


def test_a_kept_file_that_is_there_is_not_sent_again() -> None:
    files = (UploadFile("a", b"the first text", digest="a" * 64), UploadFile("b", b"the second text"))
    launch = Launch(**PLAIN, files=files, store="/tmp/store")  # type: ignore[arg-type]
    sent = launcher.render(launch).text
    assert b"the first text" in sent
    again = launcher.render(msgspec.structs.replace(launch, there=frozenset({"a" * 64}))).text
    assert b"the first text" not in again
    assert b"the second text" in again


@pytest.mark.parametrize(
    "change", [{"store": "relative"}, {"store": "/"}, {"files": (UploadFile("a", b"", digest="../x-y-z-z"),)}]
)
def test_a_store_that_leads_elsewhere_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TargetError):
        launcher.render(Launch(**{**PLAIN, **change}))

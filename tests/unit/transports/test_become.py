"""The conversation with sudo and su, without either."""

import pytest

from pilothouse.errors import TargetError
from pilothouse.jobs.access import Become
from pilothouse.jobs.secret import Secret
from pilothouse.transports.become import Door
from pilothouse.transports.launcher import Program

PROGRAM = Program(b"the program")


def door(method: str, password: str = "") -> Door:
    return Door(Become(user="app", method=method, password=Secret(password)), "t-1", PROGRAM)


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_the_command_holds_no_password_and_no_program(method: str) -> None:
    command = door(method, "secret").command
    assert "secret" not in command
    assert "the program" not in command
    assert command.startswith("sh -c '")


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_without_a_question_the_program_goes_as_soon_as_the_shell_is_there(method: str) -> None:
    made = door(method, "secret")
    assert made.hear(b"Welcome\nt-1 is rea") == b""
    assert not made.is_open
    assert made.hear(b"dy\n") == PROGRAM.text
    assert made.is_open


def test_sudo_is_told_the_password_once() -> None:
    made = door("sudo", "secret")
    assert made.hear(b"Note: be careful:") == b""
    assert made.hear(b"t-1 asks for ") == b""
    assert made.hear(b"the password:") == b"secret\n"
    with pytest.raises(TargetError, match="the password was refused"):
        made.hear(b"Sorry, try again.\nt-1 asks for the password:")


@pytest.mark.parametrize("question", ["Password: ", "Passwort:", "密码\uff1a"])
def test_su_is_told_the_password_in_any_language(question: str) -> None:
    made = door("su", "secret")
    assert made.hear(question.encode()) == b"secret\n"
    assert made.hear(b"\nt-1 is ready\n") == PROGRAM.text


@pytest.mark.parametrize("method", ["sudo", "su"])
def test_a_question_without_an_answer_is_an_error(method: str) -> None:
    with pytest.raises(TargetError, match="set becomePassword"):
        door(method).hear(b"t-1 asks for the password:")

"""Which answers of an operator count."""

import pytest

from pilothouse.errors import UsageError
from pilothouse.tools.asking.question import Answer, Form, InvalidAnswerError, Question, read_answer, read_options


def question(form: Form) -> Question:
    return Question(message="?", form=form, options=("yes please", "no"))


@pytest.mark.parametrize(
    ("form", "line", "answer"),
    [
        ("button", "no", Answer("no")),
        ("button", "[ann]# yes please\r\n", Answer("yes please", "ann")),
        ("select", "[]# no", Answer("no")),
        ("input", "[ann b]# ", Answer("", "ann b")),
        ("input", "[not a user] x", Answer("[not a user] x")),
        ("mselect", '[ann]# ["no", "yes please"]', Answer(["no", "yes please"], "ann")),
        ("button", "force-exit", None),
        ("input", "[ann]# force-exit", None),
    ],
)
def test_an_answer_is_read_with_its_user(form: Form, line: str, answer: Answer | None) -> None:
    assert read_answer(line, question(form)) == answer


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("button", "maybe"),
        ("button", ""),
        ("select", "NO"),
        ("mselect", "no"),
        ("mselect", "[]"),
        ("mselect", '["no", "maybe"]'),
        ("mselect", '[["no"]]'),
        ("mselect", '{"no": 1}'),
    ],
)
def test_what_was_not_asked_for_is_no_answer(form: Form, line: str) -> None:
    with pytest.raises(InvalidAnswerError, match="yes please, no"):
        read_answer(line, question(form))


def test_options_are_a_json_list_or_separated_by_commas() -> None:
    assert read_options('["a, b", 7]') == ("a, b", "7")
    assert read_options("a, b,,") == ("a", "b")
    with pytest.raises(UsageError):
        read_options("[1,")

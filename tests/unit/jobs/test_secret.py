"""Secrets are shown nowhere by accident."""

import pytest

from pilothouse.jobs.secret import MASK, Secret, mask_assignments


def test_only_reveal_gives_a_secret_away() -> None:
    secret = Secret("Pa55.word!")
    assert secret.reveal() == "Pa55.word!"
    assert "Pa55" not in f"{secret} {secret!r} {[secret]}"
    assert Secret("x") == Secret("x") != Secret("y")
    assert hash(Secret("x")) == hash(Secret("x"))
    assert Secret("x") != "x"
    assert not Secret()
    assert repr(Secret()) == "''"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=abc", f"password={MASK}"),
        ("PASSWORD = abc def", f"PASSWORD = {MASK}"),
        ("pwd: abc\nnext", f"pwd: {MASK}\nnext"),
        (r"pwd=abc\nnext", rf"pwd={MASK}\nnext"),
        ("create user x identified by y z", f"create user x identified by {MASK}"),
        ("a password is needed", "a password is needed"),
        ("nothing here", "nothing here"),
    ],
)
def test_assignments_are_masked_to_the_line_end(text: str, expected: str) -> None:
    assert mask_assignments(text) == expected

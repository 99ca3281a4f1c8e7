"""Who may answer a question that has a role."""

import os

import pytest

from pilothouse.cli.job_answer import allow
from pilothouse.engine.answers import Question
from pilothouse.errors import RefusedError


def question(role: str) -> Question:
    return Question(
        phase="p",
        resource_id=1,
        node="n",
        asked=0.0,
        kind="input",
        title="",
        message="",
        options=(),
        role=role,
        pipe="",
    )


def test_members_of_the_group_may_answer_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    monkeypatch.setattr(os, "getgroups", lambda: [0])
    allow(question(""))
    allow(question("root"))
    with pytest.raises(RefusedError, match="members of the role operators"):
        allow(question("operators"))


def test_root_may_answer_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    allow(question("operators"))

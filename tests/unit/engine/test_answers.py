"""Answers: allowed values, and pipes that lie inside the job's folder (spec 4.12)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pilothouse.engine.answers import Question, checked, deliver, question_of
from pilothouse.engine.journal_rows import QuestionRow
from pilothouse.engine.workspace import Workspace
from pilothouse.errors import RefusedError, UsageError


def question(pipe: object = "", **fields: Any) -> Question:
    interact = {"opType": "button", "message": "Go?", "options": ["Yes", "No"], "pipeFile": str(pipe), **fields}
    return question_of(QuestionRow("p", 5, "h-1-5", 1.0, json.dumps(interact)))


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("button", "Yes", "Yes"),
        ("select", "No", "No"),
        ("input", "anything: []# goes", "anything: []# goes"),
        ("input", "", ""),
        ("mselect", '["Yes", "No"]', '["Yes", "No"]'),
        ("mselect", "Yes, No", '["Yes", "No"]'),
        ("mselect", "No", '["No"]'),
    ],
)
def test_allowed_answers(kind: str, value: str, written: str) -> None:
    assert checked(question(opType=kind), value) == written


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("button", "Perhaps"),
        ("button", ""),
        ("select", "yes"),
        ("mselect", "[]"),
        ("mselect", ""),
        ("mselect", '["Yes", "Perhaps"]'),
        ("input", "two\nlines"),
    ],
)
def test_what_is_no_answer_is_refused(kind: str, value: str) -> None:
    with pytest.raises(UsageError):
        checked(question(opType=kind), value)


def test_options_may_be_objects_and_members_may_be_missing() -> None:
    made = question(options=[{"text": "Go on", "value": "go"}, 7])
    assert made.options == ("go", "7")
    bare = question_of(QuestionRow("p", 5, "h-1-5", 1.0, "{}"))
    assert (bare.kind, bare.options, bare.wording) == ("input", (), "a question")


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    found = Workspace("1", tmp_path / "job")
    (found.root / "log").mkdir(parents=True)
    return found


def test_the_line_names_who_answers(space: Workspace) -> None:
    pipe = space.root / "log" / "x.pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    deliver(space, question(pipe), "Yes", "an]na")
    deliver(space, question("log/x.pipe"), "No", "bob")
    assert os.read(reader, 100) == b"[anna]# Yes\n[bob]# No\n"
    os.close(reader)


def test_only_pipes_inside_the_folder_are_written_to(space: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside.pipe"
    os.mkfifo(outside)
    reader = os.open(outside, os.O_RDWR | os.O_NONBLOCK)
    (space.root / "link.pipe").symlink_to(outside)
    (space.root / "up").symlink_to(tmp_path)
    (space.root / "file").write_text("kept")
    for pipe in (outside, "../outside.pipe", "link.pipe", "up/outside.pipe", "", "file", "log", "nothing"):
        with pytest.raises(RefusedError):
            deliver(space, question(pipe), "Yes", "bob")
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    assert (space.root / "file").read_text() == "kept"
    os.close(reader)


def test_a_pipe_without_reader_or_room_is_named(space: Workspace) -> None:
    pipe = space.root / "x.pipe"
    os.mkfifo(pipe)
    with pytest.raises(RefusedError, match="does not read"):
        deliver(space, question(pipe), "Yes", "bob")
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    while True:
        try:
            os.write(reader, b"x" * 4096)
        except BlockingIOError:
            break
    with pytest.raises(RefusedError, match="full"):
        deliver(space, question(pipe), "Yes", "bob")
    with pytest.raises(UsageError, match="4096"):
        deliver(space, question(pipe, opType="input"), "x" * 5000, "bob")
    os.close(reader)

"""What answers mean."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.controlserver import replies
from pilothouse.controlserver.replies import ServerIdentityError, ServerRefusedError, ServerUnavailableError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, ServerUnavailableError),
        (503, ServerUnavailableError),
        (429, ServerUnavailableError),
        (404, ServerUnavailableError),
        (401, ServerIdentityError),
        (521, ServerIdentityError),
        (522, ServerIdentityError),
        (523, ServerIdentityError),
        (520, ServerRefusedError),
        (530, ServerRefusedError),
        (400, ServerRefusedError),
        (302, ServerRefusedError),
    ],
)
def test_a_status_is_a_passing_fault_a_refusal_or_a_question_of_identity(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        replies.check("call", status, b'{"Status": "ERROR", "Message": "because"}')
    assert type(caught.value) is kind
    assert "because" in str(caught.value)


@pytest.mark.parametrize("status", [200, 204, 205, 299])
def test_success_raises_nothing(status: int) -> None:
    replies.check("call", status, b"whatever")


@pytest.mark.parametrize(
    ("status", "same"), [(200, False), (201, True), (204, True), (205, True), (304, True), (302, False), (500, False)]
)
def test_unchanged(status: int, same: bool) -> None:
    assert replies.unchanged(status) is same


@given(st.binary())
def test_no_answer_is_too_strange(body: bytes) -> None:
    with contextlib.suppress(ServerUnavailableError, ServerRefusedError):
        replies.returned("call", body)
    assert replies.reports_failure(body) in {True, False}


@pytest.mark.parametrize(
    ("value", "failed"),
    [({"hasFailNode": 1}, True), ({"hasFailNode": "1"}, True), ({"hasFailNode": 0}, False), ({}, False), (None, False)],
)
def test_failure_elsewhere(value: Any, failed: bool) -> None:
    assert replies.reports_failure(json.dumps({"Status": "OK", "Return": value}).encode()) is failed

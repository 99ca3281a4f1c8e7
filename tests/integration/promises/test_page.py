"""The promise that a page answers, against a web server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sshd import free_port
from tests.webserver import Answer, WebServer, serving

from pilothouse.promises import page


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


def said(folder: Path, url: str, **config: str) -> tuple[bool, str]:
    told = {"name": "it.py", "path": "it.py", "log-folder": str(folder), "partition-folder": str(folder)}
    promise = page.RunPromise({**told, "url": url, "patience": "0", **config})
    promise.sense()
    found = promise.test()
    return found.hasFailed(), found.message


def test_a_page_answers_with_what_is_wanted_or_not(web: WebServer, tmp_path: Path) -> None:
    web.answers["/"] = Answer(200, "Grüße".encode())
    web.answers["/down"] = Answer(503, b"the database does not answer")
    assert said(tmp_path, f"{web.url}/") == (False, f"{web.url}/ answers")
    assert said(tmp_path, f"{web.url}/", contains="Grüße")[0] is False
    assert said(tmp_path, f"{web.url}/", contains="Hello") == (True, f"{web.url}/ does not contain 'Hello'")
    assert said(tmp_path, f"{web.url}/down") == (True, f"{web.url}/down answers with 503: the database does not answer")


def test_nobody_answers(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    assert said(tmp_path, url) == (True, f"{url} does not answer: [Errno 111] Connection refused")

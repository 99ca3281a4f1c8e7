"""Fetching from and sending to web servers, by the runner and by targets."""

import base64
import email.utils
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tools.running import Ran, run_on_runner, run_on_target

SECRET = "it's \"$ecret\\"
MODIFIED = 1_600_000_000
Tool = Callable[..., Ran]


class Store(ThreadingHTTPServer):
    """Holds files for one user; what it was asked for is kept."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Keeper)
        self.files: dict[str, bytes] = {"/big%20one.bin": os.urandom(300_000)}
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Keeper(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        if not self.allowed():
            return
        if self.path == "/moved":
            self.answer(302, b"", Location="/big%20one.bin")
            return
        content = self.server.files.get(self.path)
        since = email.utils.parsedate_to_datetime(self.headers["If-Modified-Since"] or email.utils.formatdate(0))
        if content is None:
            self.answer(404, b"no such thing")
        elif since.timestamp() >= MODIFIED:
            self.answer(304, b"")
        else:
            self.answer(200, content)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.allowed():
            self.server.files[self.path] = content
            self.answer(201, b"kept \xc3\xbc")

    def allowed(self) -> bool:
        self.server.asked.append((self.command, self.path))
        wanted = f"Basic {base64.b64encode(f'ann:{SECRET}'.encode()).decode()}"
        if self.headers["Authorization"] != wanted:
            self.answer(401, b"who are you")
            return False
        return True

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", email.utils.formatdate(MODIFIED, usegmt=True))
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 304:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.02,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(params=["runner", "target"])
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> Tool:
    """A tool on either side, logged in."""

    def run(name: str, *words: str, user: str = "ann") -> Ran:
        login = ("--username", user, "--password", SECRET)
        if request.param == "runner":
            return run_on_runner(f"fileops/{name}", *words, *login, folder=tmp_path)
        return run_on_target(f"fileremote/{name}", *words, *login, folder=tmp_path / "t")

    return run


def test_a_file_is_fetched_with_its_login(tool: Tool, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    ran = tool("httpget", "--addr", f"{store.url}/big%20one.bin", "--dir", str(folder))
    assert ran.code == 0, ran.log
    assert ran.outputs is not None
    path = Path(ran.outputs["filePath"])
    assert path.read_bytes() == store.files["/big%20one.bin"]
    assert list(folder.iterdir()) == [path]
    assert SECRET not in ran.log


def test_redirects_are_followed(tool: Tool, store: Store, tmp_path: Path) -> None:
    ran = tool("httpget", "--addr", f"{store.url}/moved", "--dir", str(tmp_path))
    assert (ran.code, (tmp_path / "moved").read_bytes()) == (0, store.files["/big%20one.bin"])


def test_a_mirrored_file_is_carried_once(tool: Tool, store: Store, tmp_path: Path) -> None:
    store.files["/plain.txt"] = b"one"
    words = ("--addr", f"{store.url}/plain.txt", "--dir", str(tmp_path), "--mirror")
    assert tool("httpget", *words).code == 0
    store.files["/plain.txt"] = b"two"
    ran = tool("httpget", *words)
    assert ran.code == 0
    assert "as new as" in ran.log
    assert (tmp_path / "plain.txt").read_bytes() == b"one"
    assert (tmp_path / "plain.txt").stat().st_mtime == MODIFIED
    assert tool("httpget", *words[:-1]).code == 0
    assert (tmp_path / "plain.txt").read_bytes() == b"two"


def test_files_are_sent_and_the_answer_comes_back(tool: Tool, store: Store, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    ran = tool("httpput", "--addr", f"{store.url}/up/", "--file", f"{tmp_path}/a.txt,{tmp_path}/b.txt")
    assert ran.code == 0, ran.log
    assert (store.files["/up/a.txt"], store.files["/up/b.txt"]) == (b"a.txt", b"b.txt")
    assert ran.outputs is not None
    assert ran.outputs["uploadResponse"].replace("\n", "") == "kept ükept ü"


@pytest.mark.parametrize(
    ("name", "words", "code", "text"),
    [
        ("httpget", ("--addr", "{url}/gone"), 1, "404"),
        ("httpget", ("--addr", "http://127.0.0.1:1/x"), 1, "127.0.0.1:1"),
        ("httpget", ("--addr", "ftp://x/y"), 2, "no web address"),
        ("httpget", ("--addr", "{url}/"), 2, "names no file"),
        ("httpget", ("--addr", "{url}/x", "--dir", "../x"), 2, ".."),
        ("httpget", (), 2, ""),
        ("httpput", ("--addr", "{url}/x", "--file", "gone"), 1, "gone"),
        ("httpput", ("--addr", "{url}/x"), 2, "--file"),
    ],
)
def test_what_cannot_be_done_is_said(
    tool: Tool, store: Store, name: str, words: tuple[str, ...], code: int, text: str
) -> None:
    ran = tool(name, *(word.format(url=store.url) for word in words))
    assert (ran.code, text in ran.log) == (code, True), ran.log


def test_a_wrong_login_is_refused(tool: Tool, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    for name, words in (("httpget", ("--dir", str(tmp_path))), ("httpput", ("--file", str(tmp_path / "a.txt")))):
        ran: Any = tool(name, "--addr", f"{store.url}/big%20one.bin", *words, user="bob")
        assert (ran.code, "401" in ran.log) == (1, True), ran.log
    assert not (tmp_path / "big%20one.bin").exists()

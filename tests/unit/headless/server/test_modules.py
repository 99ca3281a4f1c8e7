"""Modules, files and peers: what may be published, what a path means, whose socket it is."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import DocumentError, UsageError
from pilothouse.headless.server import confinement, login, modules, oslogin
from pilothouse.headless.server.confinement import FileRejectedError
from pilothouse.headless.server.credentials import secret_line
from pilothouse.headless.server.flight import Claim
from pilothouse.headless.server.modules import Concurrency, Module
from pilothouse.store.headless_catalogue import Root


@pytest.mark.parametrize(
    "fields",
    [{"kind": "python", "entry": "os"}, {"kind": "python", "entry": "os:a b"}, {"kind": "file"}, {"kind": "command"},
     {"kind": "command", "command": ("a",), "limits": {"colour": 1}},
     {"kind": "command", "command": ("a",), "concurrency": Concurrency(max=0)}],
)  # fmt: skip
def test_modules_that_are_not_published(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        modules.check("X", Module(**fields))


def test_names_and_definitions_are_checked() -> None:
    good = Module(kind="command", command=("true",))
    for name in ("", "a" * 33, "a b", "ä", "../x"):
        with pytest.raises(UsageError):
            modules.check(name, good)
    with pytest.raises(DocumentError):
        modules.check("X", Module(kind="definition", definition={"jobId": 1, "runFlow": 7}))
    assert modules.decode(modules.encode(good)) == good


def test_a_definition_that_asks_a_person_is_not_published() -> None:
    operation = {"opName": "interact/continue", "opId": "ask_1", "opType": "runner", "opt": {}}
    flow = [{"groupNo": 0, "phases": [{"phaseName": "p", "operations": [operation]}]}]
    with pytest.raises(UsageError, match="asks a person"):
        modules.check("X", Module(kind="definition", definition={"jobId": 1, "runFlow": flow}))


def test_keys_of_modules() -> None:
    base: dict[str, Any] = {"kind": "command", "command": ("a",), "params": {"year": "1"}}
    assert modules.claim("OK1", Module(**base), {}) == Claim("module:ok1")
    keyed = Module(**base, concurrency=Concurrency(key="books:{year}", policy="queue", queue=3))
    assert modules.claim("OK1", keyed, {"year": "2025"}) == Claim("books:2025", "queue", 1, 3)
    assert modules.claim("OK1", Module(**base, concurrency=Concurrency(policy="parallel")), {}) is None
    several = Module(**base, concurrency=Concurrency(policy="parallel", max=2))
    assert modules.claim("OK1", several, {}) == Claim("module:ok1", "refuse", 2, 1)


ROOTS = [Root(name="jobs", path="/srv/jobs", is_default=True), Root(name="in", path="/srv/jobs/in")]


@pytest.mark.parametrize(
    ("given", "root", "path"),
    [("a.py", "jobs", "a.py"), ("in:x/a.py", "in", "x/a.py"), ("/srv/jobs/d/a.py", "jobs", "d/a.py"),
     ("/srv/jobs/in/a.py", "in", "a.py")],
)  # fmt: skip
def test_what_a_path_means(given: str, root: str, path: str) -> None:
    found, below = confinement.locate(ROOTS, given)
    assert (found.name, below) == (root, path)


NOWHERE = ["../a.py", "a/../b.py", "a//b.py", "./a.py", "a.txt", "a.py\0", "a\\b.py", "C:a.py", "/etc/a.py", "a.py/"]


@pytest.mark.parametrize("given", [*NOWHERE, "/srv/jobsx/a.py"])
def test_paths_that_mean_nothing(given: str) -> None:
    with pytest.raises(FileRejectedError):
        confinement.locate(ROOTS, given)


@pytest.mark.parametrize("opener", [confinement.open_beneath, confinement.open_by_steps])
def test_the_kernel_and_the_steps_refuse_the_same(tmp_path: Path, opener: Any) -> None:
    inside = tmp_path / "root"
    (inside / "d").mkdir(parents=True)
    (tmp_path / "out.py").write_text("out")
    (inside / "d" / "a.py").write_text("in")
    (inside / "link.py").symlink_to("d/a.py")
    (inside / "dir").symlink_to("d")
    base = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        good = opener(base, "d/a.py")
        assert os.read(good, 9) == b"in"
        os.close(good)
        for path in ("../out.py", "d/../../out.py", "link.py", "dir/a.py"):
            with pytest.raises(OSError):
                os.close(opener(base, path))
    finally:
        os.close(base)


def test_the_owner_of_a_connection_and_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        served, _ = listener.accept()
        with served:
            ends = (client.getsockname(), served.getsockname())
            table = Path("/proc/net/tcp").read_text()
            assert oslogin.owner_in(table, *ends, socket.AF_INET) == os.getuid()
            other = (ends[0][0], ends[0][1] ^ 1)
            assert oslogin.owner_in(table, other, ends[1], socket.AF_INET) is None
            assert oslogin.peer_account(served) is not None


def test_networks_and_old_secret_files() -> None:
    assert login.allows(("10.0.0.0/8", "::1/128"), "10.1.2.3")
    assert not login.allows(("10.0.0.0/8",), "11.1.2.3")
    assert not login.allows(("10.0.0.0/8",), "nowhere")
    line = "$2a$10$abcdefghijklmnopqrstuuFg45jv3coxNAIEirPs1LBkim/wHn7gC"
    assert secret_line(f"# c\r\n\r\n{line}\r\n") == line
    for text in ("geheim", f"{line}\n{line}", ""):
        with pytest.raises(UsageError, match="not a password hash file"):
            secret_line(text)

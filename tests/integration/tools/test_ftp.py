"""Fetching from and sending to FTP servers, by the runner and by targets."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ftpserver import PASSWORD, USER, FtpServer
from tests.integration.tools.running import Ran, run_on_runner, run_on_target

MODIFIED = 1_600_000_000
Tool = Callable[..., Ran]


@pytest.fixture
def store() -> Iterator[FtpServer]:
    found = FtpServer().start()
    yield found
    found.stop()


@pytest.fixture(params=["runner", "target"])
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> Tool:
    """A tool on either side, logged in."""

    def run(name: str, *words: str, user: str = USER) -> Ran:
        login = ("--username", user, "--password", PASSWORD)
        if request.param == "runner":
            return run_on_runner(f"fileops/{name}", *words, *login, folder=tmp_path)
        return run_on_target(f"fileremote/{name}", *words, *login, folder=tmp_path / "t")

    return run


def test_a_file_is_fetched_whole(tool: Tool, store: FtpServer, tmp_path: Path) -> None:
    folder = tmp_path / "new/folder"
    ran = tool("ftpget", "--addr", f"{store.url}/pub/big%20one.bin", "--dir", str(folder))
    assert ran.code == 0, ran.log
    assert ran.outputs is not None
    path = Path(ran.outputs["filePath"])
    assert path.read_bytes() == store.files["/pub/big one.bin"]
    assert list(folder.iterdir()) == [path]
    assert PASSWORD not in ran.log


def test_an_empty_file_is_fetched(tool: Tool, store: FtpServer, tmp_path: Path) -> None:
    ran = tool("ftpget", "--addr", f"{store.url}/pub/empty", "--dir", str(tmp_path / "d"))
    assert (ran.code, (tmp_path / "d/empty").read_bytes()) == (0, b""), ran.log


def test_a_mirror_carries_only_what_is_newer(tool: Tool, store: FtpServer, tmp_path: Path) -> None:
    store.files["/pub/data"] = b"12345"
    words = ("ftpget", "--addr", f"{store.url}/pub/data", "--dir", str(tmp_path / "d"), "--mirror", "1")
    for _ in range(2):
        assert tool(*words).code == 0
    path = tmp_path / "d/data"
    assert path.stat().st_mtime == MODIFIED
    assert sum(line.startswith("RETR") for line in store.asked) == 1
    os.utime(path, (MODIFIED - 10, MODIFIED - 10))
    assert tool(*words).code == 0
    assert sum(line.startswith("RETR") for line in store.asked) == 2


def test_files_are_sent(tool: Tool, store: FtpServer, tmp_path: Path) -> None:
    for name in ("a b", "ü"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    listed = f"{tmp_path / 'a b'},{tmp_path / 'ü'}"
    ran = tool("ftpput", "--addr", f"{store.url}/pub/", "--file", listed)
    assert ran.code == 0, ran.log
    assert (store.files["/pub/a b"], store.files["/pub/ü"]) == (b"a b" * 1000, "ü".encode() * 1000)
    assert tool("ftpput", "--addr", f"{store.url}/pub/other", "--file", str(tmp_path / "ü")).code == 0
    assert store.files["/pub/other"] == "ü".encode() * 1000
    assert ran.outputs is not None
    assert len(ran.outputs["uploadResponse"].strip().splitlines()) == 2
    assert not [name for name in store.files if ".part-" in name]


@pytest.mark.parametrize("name", ["ftpget", "ftpput"])
def test_a_transfer_that_breaks_off_leaves_nothing(tool: Tool, store: FtpServer, tmp_path: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5000)
    store.cut = True
    where = ("--dir", str(tmp_path / "d")) if name == "ftpget" else ("--file", str(tmp_path / "a"))
    ran = tool(name, "--addr", f"{store.url}/pub/" + ("big%20one.bin" if name == "ftpget" else "a"), *where)
    assert (ran.code, "ERROR: " in ran.log) == (1, True), ran.log
    assert not (tmp_path / "d").exists() or list((tmp_path / "d").iterdir()) == []
    assert not [path for path in store.files if ".part-" in path]


def test_what_the_server_refuses(tool: Tool, store: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    for ran in (
        tool("ftpget", "--addr", f"{store.url}/pub/none"),
        tool("ftpget", "--addr", f"{store.url}/pub/empty", user="bob"),
        tool("ftpput", "--addr", f"{store.url}/pub/x", "--file", str(tmp_path / "a"), user="bob"),
    ):
        assert (ran.code, "ERROR: " in ran.log, PASSWORD in ran.log) == (1, True, False), ran.log
    assert "/pub/x" not in store.files


@pytest.mark.parametrize("address", ["http://x/y", "ftp://", "ftp:///x", "nonsense"])
def test_other_addresses_are_refused(tool: Tool, address: str) -> None:
    ran = tool("ftpget", "--addr", address)
    assert ran.code in {1, 2}
    assert "ERROR: " in ran.log


def test_a_login_in_the_address_and_a_line_end_are_refused(store: FtpServer, tmp_path: Path) -> None:
    for address in (store.url.replace("//", "//ann:s3cret@"), f"{store.url}/a%0d%0aDELE%20x"):
        ran = run_on_runner("fileops/ftpget", "--addr", f"{address}/x", folder=tmp_path)
        assert (ran.code, "s3cret" in ran.log, store.asked) == (2, False, []), ran.log


def test_a_server_that_is_not_there(tool: Tool) -> None:
    ran = tool("ftpget", "--addr", "ftp://127.0.0.1:1/x", "--timeout", "5")
    assert (ran.code, "ERROR: " in ran.log) == (1, True), ran.log

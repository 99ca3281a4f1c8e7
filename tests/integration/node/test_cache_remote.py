"""Contents on their way: piece by piece, going on after a cut, verified (node spec, section 10.2)."""

import contextlib
import filecmp
import hashlib
import io
import os
import random
import re
import ssl
import tarfile
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from tests.slapmaster import Master

from pilothouse.node.identity import Identity
from pilothouse.node.networkcache.members import ArchiveError
from pilothouse.node.networkcache.packing import pack
from pilothouse.node.networkcache.remote import CacheError, Remote
from pilothouse.node.networkcache.settings import Files, Place
from pilothouse.node.networkcache.unpacking import unpack
from pilothouse.server.api.slap.options import Options

CONTENT = bytes(range(256)) * 4000
NAME = hashlib.sha512(CONTENT).hexdigest()
NOTHING = Files()
ME = Identity(os.geteuid(), os.getegid(), "/", "me")


@contextmanager
def cutting(
    *pieces: int, ranges: bool = True, tls: ssl.SSLContext | None = None, files: Files = NOTHING
) -> Iterator[tuple[Remote, list[str]]]:
    """Serve the content, but cut each answer after so many bytes; the ranges that are asked for are kept."""
    left, asked = list(pieces), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            asked.append(wanted)
            begin = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if ranges else 0
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(CONTENT) - begin))
            self.end_headers()
            self.wfile.write(CONTENT[begin:][: left.pop(0) if left else None])

        def handle(self) -> None:
            with contextlib.suppress(ssl.SSLError):  # a client that is turned away
                super().handle()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        yield Remote(Place(cache=url, index=url, cache_files=files)), asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_is_cut_goes_on(ranges: bool) -> None:
    with cutting(100_000, 300_000, ranges=ranges) as (remote, asked), tempfile.TemporaryFile() as file:
        remote.fetch(NAME, file, 60)
        file.seek(0)
        assert file.read() == CONTENT
    assert asked == ["", "bytes=100000-", "bytes=400000-" if ranges else "bytes=300000-"]


def test_a_download_that_is_always_cut_is_given_up() -> None:
    with cutting(1, 1, 1, 1) as (remote, asked), tempfile.TemporaryFile() as file:
        with pytest.raises(CacheError, match="bytes too early"):
            remote.fetch(NAME, file, 60)
        assert len(asked) == 4


def test_a_download_has_a_limit_of_time() -> None:
    with (
        cutting() as (remote, asked),
        tempfile.TemporaryFile() as file,
        pytest.raises(CacheError, match="the answer takes too long"),
    ):
        remote.fetch(NAME, file, 1e-9)
    assert asked == [""]


def test_caches_behind_tls_are_verified_and_see_the_nodes_certificate(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    names = {name: str(tmp_path / name) for name in ("ca", "other", "cert", "key")}
    authority.cert_pem.write_to_path(names["ca"])
    stranger.cert_pem.write_to_path(names["other"])
    mine = authority.issue_cert("node")
    mine.private_key_pem.write_to_path(names["key"])
    mine.cert_chain_pems[0].write_to_path(names["cert"])
    with cutting(tls=context, files=Files(names["ca"], names["cert"], names["key"])) as (remote, _):
        assert remote.has(NAME)
    for files in (Files(names["ca"]), Files(names["other"], names["cert"], names["key"])):
        with cutting(tls=context, files=files) as (remote, asked):
            with pytest.raises(CacheError):
                remote.has(NAME)
            assert asked == []


def test_a_large_release_needs_little_memory(tmp_path: Path) -> None:
    """What is packed, sent, fetched and unpacked passes in pieces, also in the server, which is in this process."""
    release = tmp_path / NAME[:32]
    release.mkdir()
    with (release / "large").open("wb") as file:
        for _ in range(16):
            file.write(random.randbytes(1024 * 1024))
    server = Master(tmp_path, Options(cache_content=tmp_path / "content", cache_metadata=tmp_path / "index")).start()
    tracemalloc.start()
    try:
        remote = Remote(Place(cache=f"{server.url}shacache/cache", index=f"{server.url}shacache/dir"))
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryFile() as fetched:
            pack(release, packed, ME)
            packed.seek(0)
            name = hashlib.file_digest(packed, "sha512").hexdigest()
            assert not remote.has(name)
            remote.store(packed, name)
            assert remote.has(name)
            remote.fetch(name, fetched, 60)
            fetched.seek(0)
            unpack(fetched, tmp_path / "unpacked", release, ME)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        server.stop()
    assert filecmp.cmp(release / "large", tmp_path / "unpacked/large", shallow=False)
    assert peak < 8 * 1024 * 1024


def archive(*members: tarfile.TarInfo) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for one in members:
            tar.addfile(one, io.BytesIO(b"x" * one.size))
    stream.seek(0)
    return stream


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    made.size = 3 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("r/null", tarfile.CHRTYPE), "'r/null' is a device or a pipe"),
        (member("r/disk", tarfile.BLKTYPE), "'r/disk' is a device or a pipe"),
        (member("r/pipe", tarfile.FIFOTYPE), "'r/pipe' is a device or a pipe"),
        (member("/etc/passwd"), "'/etc/passwd' lies outside of r"),
        (member("other/file"), "'other/file' lies outside of r"),
        (member("r/../../file"), "lies outside of r"),
        (member("r/name", tarfile.LNKTYPE, "/etc/shadow"), "'/etc/shadow' lies outside of r"),
        (member("r/name", tarfile.LNKTYPE, "r/later"), "'r/name' is a further name of 'r/later', which is no file"),
        (member("r/name", tarfile.SYMTYPE, "/etc/shadow"), "the link 'name' leads to /etc/shadow"),
        (member("r/name", tarfile.SYMTYPE, "/usr/../etc/shadow"), "the link 'name' leads to /etc/shadow"),
        (member("r/name", tarfile.SYMTYPE, "link/../../etc/shadow"), "the link 'name' leads to"),
        (member("r/file/below"), "'file/below' lies below 'file', which is no directory"),
        (member("r/link/below"), "'link/below' lies below 'link', which is no directory"),
        (member("r/file", tarfile.SYMTYPE, "/usr"), "'file' is there twice"),
        (member("r", tarfile.SYMTYPE, "/usr"), "'.' is there twice"),
    ],
)
def test_what_may_not_be_in_an_archive(tmp_path: Path, bad: tarfile.TarInfo, reason: str) -> None:
    stream = archive(member("r/file"), member("r/link", tarfile.SYMTYPE, "/usr/lib"), bad)
    with pytest.raises(ArchiveError, match=re.escape(reason)):
        unpack(stream, tmp_path / "in", tmp_path / "r", ME)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_may_be_in_an_archive(tmp_path: Path) -> None:
    """Also directories that are not named, that come after their files, and that cannot be written to."""
    unpack(
        archive(
            member("r/deep/down/file", mode=0o6777),
            member("r/deep", tarfile.DIRTYPE, mode=0o555),
            member("r/name", tarfile.LNKTYPE, "r/deep/down/file", mode=0o6777),
            member("r/link", tarfile.SYMTYPE, "deep/down"),
            member("r/again", tarfile.LNKTYPE, "r/link"),
            member("r/python", tarfile.SYMTYPE, "/usr/bin/python3"),
            member("r/.completed"),
            member("r/.netrc"),
        ),
        tmp_path / "in",
        tmp_path / "r",
        ME,
    )
    made = tmp_path / "in"
    assert (made / "link/file").read_bytes() == b"xxx"
    assert (made / "name").stat().st_mode & 0o7777 == 0o775
    assert (made / "deep").stat().st_mode & 0o7777 == 0o555
    assert (made / "again").readlink() == Path("deep/down")
    assert {path.name for path in made.iterdir()} == {"deep", "name", "link", "again", "python"}
    (made / "deep").chmod(0o755)


def test_the_same_release_is_the_same_archive(tmp_path: Path) -> None:
    """Whatever the order in which its directories list their names; so an archive that is there is not sent again."""
    archives = []
    for number, names in enumerate(("abc", "cba")):
        release = tmp_path / str(number) / "r"
        (release / "folder").mkdir(parents=True)
        for name in names:
            (release / "folder" / name).write_text(name)
            os.utime(release / "folder" / name, (1, 1))
        (release / ".netrc").write_text("password")
        for folder in (release / "folder", release):
            os.utime(folder, (2, 2))
        stream = io.BytesIO()
        pack(release, stream, ME)
        archives.append(stream.getvalue())
    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as tar:
        assert tar.getnames() == ["r", "r/folder", "r/folder/a", "r/folder/b", "r/folder/c"]

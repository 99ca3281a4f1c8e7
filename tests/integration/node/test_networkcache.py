"""Releases downloaded ready built, and given to others, through our own network cache (node spec, section 10)."""

import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cachebuilder import Builder
from tests.nodes import URL, Machine, Script, machine
from tests.slapmaster import Master
from tests.slaposcli import Done, Slapos

from pilothouse.node.layout import md5_of
from pilothouse.node.networkcache import pending
from pilothouse.server.api.slap.options import Options
from pilothouse.slap.cache_systems import current

DOWN = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    folder = tmp_path_factory.mktemp("cache")
    server = Master(folder, Options(cache_content=folder / "content", cache_metadata=folder / "index")).start()
    yield server
    server.stop()


@pytest.fixture
def node(master: Script, cache: Master, capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    for entry in (cache.folder / "index").glob("*"):
        entry.unlink()
    with machine(master.url, Slapos(capsys)) as made:
        yield made


def configure(node: Machine, master: Script, **values: object) -> None:
    lines = [f"{name.replace('_', '-')} = {value}" for name, value in values.items()]
    node.configure(master.url, "[networkcache]", *lines)


def addresses(cache: Master | str, *ways: str) -> dict[str, object]:
    url = cache if isinstance(cache, str) else f"{cache.url}shacache/"
    return {f"{way}_binary_{kind}_url": f"{url}{kind}" for way in ways for kind in ("cache", "dir")}


def shares(node: Machine, master: Script, cache: Master, builder: Builder, **values: object) -> None:
    """Let the node download from the cache and upload to it, trusting itself."""
    configure(
        node, master, **addresses(cache, "download", "upload"), signature_certificate_list=builder.listed,
        signature_private_key_file=builder.key_file(node.root), **values,
    )  # fmt: skip


def built(node: Machine, master: Script) -> Path:
    """Build a release with all kinds of files in it."""
    release = node.release(
        "mkdir -p parts/deep; echo text > parts/deep/file; ln -sf deep/file parts/link; echo x > .netrc"
    )
    os.link(release / "bin/buildout", release / "bin/again")
    (release / "absolute").symlink_to(release / "bin")
    (release / "instance.cfg").chmod(0o4755)
    os.utime(release / "instance.cfg", (1_000_000_000, 1_000_000_000))
    master.supply(URL)
    return release


def modes(release: Path) -> dict[str, int]:
    return {str(path.relative_to(release)): path.lstat().st_mode for path in release.rglob("*")}


def gone(node: Machine, master: Script) -> None:
    """Let the node forget the release, and want it again."""
    master.supply(URL, "destroyed")
    node.run("software")
    assert not (node.software / md5_of(URL)).exists()
    master.supply(URL)
    master.calls()


def clean(node: Machine) -> bool:
    """Whether nothing lies beside the releases."""
    return [path.name for path in node.software.iterdir() if path.name.startswith(".")] == []


def stored(cache: Master) -> list[Any]:
    return [json.loads(text) for text, _ in json.loads((cache.folder / "index" / md5_of(URL)).read_bytes())]


def put(cache: Master, node: Machine, builder: Builder, content: bytes, **changes: object) -> None:
    """Put a binary into the cache, signed, with an entry that fits this machine but for the changes."""
    here = current()
    entry: dict[str, Any] = {
        "sha512": cache.http.post("shacache/cache", content=content).text,
        "software_url": URL,
        "software_root": str(node.software),
        "multiarch": here.multiarch,
        "os": [here.name, here.version, here.codename],
        **changes,
    }
    assert cache.http.put(f"shacache/dir/{md5_of(URL)}", json=builder.entry(**entry)).status_code == 201


def archive(*members: tuple[str, Any]) -> bytes:
    """Return an archive: a text is a file, bytes say where a link leads, None makes a directory."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(f"{md5_of(URL)}/{name}" if name else md5_of(URL))
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, bytes):
                member.type, member.linkname = tarfile.SYMTYPE, content.decode()
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()) if isinstance(content, str) else None)
    return stream.getvalue()


GOOD = archive(("", None), ("instance.cfg", "[buildout]\n"))


def test_what_one_build_made_is_not_built_again(
    node: Machine, master: Script, cache: Master, builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    shares(node, master, cache, builder)
    release = built(node, master)
    said = node.run("software").err
    assert f"Uploading {URL} binary into network cache." in said
    before = modes(release)
    (entry,) = stored(cache)
    assert entry["software_root"] == str(node.software)
    assert entry["software_url"] == URL
    assert master.calls()[-1] == "availableSoftwareRelease"

    looked = Slapos(capsys, str(node.cfg))("cachelookup", "binary-sr", URL).err
    assert f"INFO Software URL: {URL}" in looked
    assert looked.splitlines()[-2].split()[-2:] == ["yes", "yes"]
    assert "yes" in Slapos(capsys, str(node.cfg))("cache", "lookup", URL).out

    gone(node, master)
    said = node.run("software").err
    assert "INFO Extracting archive of cached software release...\n" in said
    assert master.calls() == ["getFullComputerInformation", "buildingSoftwareRelease", "availableSoftwareRelease"]
    found = modes(release)
    assert found.pop(".from-cache")
    del before[".netrc"]
    assert {name: mode & 0o770775 for name, mode in before.items()} == {
        name: mode & 0o777775 for name, mode in found.items()
    }
    assert {path.lstat().st_uid for path in (release / "parts").rglob("*")} == {node.owner}
    assert (release / "parts/link").read_text() == "text\n"
    assert (release / "bin/again").stat().st_ino == (release / "bin/buildout").stat().st_ino
    assert (release / "absolute").readlink() == release / "bin"
    assert stat.S_IMODE((release / "instance.cfg").stat().st_mode) == 0o755
    assert (release / "instance.cfg").stat().st_mtime == 1_000_000_000
    assert clean(node)
    node.run("software")
    assert master.calls() == ["getFullComputerInformation"]


def built_instead(node: Machine, reason: str) -> Done:
    """Run a pass that must build; a build from nothing fails here, for the interpreter is another user's."""
    done = node.run("software", code=1)
    assert reason in done.err
    assert "Failed to run buildout profile in directory" in done.err
    assert clean(node)
    assert (node.software / md5_of(URL) / ".unfinished").exists()
    assert not (node.software / md5_of(URL) / ".from-cache").exists()
    return done


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"software_url": "http://other"}, "entry 1: it is about another release: http://other"),
        ({"software_root": "/elsewhere"}, "entry 1: it was built for the software_root '/elsewhere', this one is"),
        ({"os": ["aix", "7", ""]}, "entry 1: it was built on aix 7 "),
        ({"multiarch": "m68k-linux-gnu"}, "m68k-linux-gnu, this is"),
        ({"sha512": "../../etc/passwd"}, "entry 1: it names no content"),
        ({"sha512": "0" * 128}, "the server answers 404"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_with_a_reason(
    node: Machine, master: Script, cache: Master, builder: Builder, changes: dict[str, object], reason: str
) -> None:
    configure(node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed)
    put(cache, node, builder, GOOD, **changes)
    master.supply(URL)
    built_instead(node, reason)


def test_a_release_whose_binary_is_refused_is_built(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    bootstrap = node.root / "bootstrap.py"
    bootstrap.write_text(
        "import os\nos.mkdir('bin')\nopen('bin/buildout', 'w').write('#!/bin/sh\\ntouch built\\n')\n"
        "os.chmod('bin/buildout', 0o755)\n"
    )
    node.configure(master.url, f"buildout = {bootstrap}")
    configure(node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed)
    put(cache, node, builder, GOOD, software_root="/elsewhere")
    master.supply(URL)
    assert "The network cache has a binary that is not used: entry 1: it was built for" in node.apart("software")
    assert (node.software / md5_of(URL) / "built").exists()
    assert (node.software / md5_of(URL) / ".completed").exists()


def test_only_builders_that_are_listed_are_trusted(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    configure(node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed)
    put(cache, node, Builder(), GOOD)
    master.supply(URL)
    built_instead(node, "entry 1: no certificate of signature-certificate-list verifies its signature")
    node.configure(master.url, "signature-certificate-list =")


def test_without_certificates_nothing_is_asked(node: Machine, master: Script, cache: Master) -> None:
    configure(node, master, **addresses(cache, "download"))
    master.supply(URL)
    built_instead(node, "signature-certificate-list is empty")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive(("", None), ("../outside", "x")), "lies outside of"),
        (archive(("", None), ("out", b"/root"), ("out/file", "x")), "the link 'out' leads to /root"),
        (archive(("", None), ("out", b"../.."), ("out/file", "x")), "the link 'out' leads to"),
        (archive(("", None), ("a", b"."), ("a/file", "x")), "'a/file' lies below 'a', which is no directory"),
        (archive(("", None), ("a", "x"), ("a", "y")), "'a' is there twice"),
        (b"no archive", "the archive cannot be read"),
        (GOOD[:-40], "the archive cannot be read"),
        (archive(), "the archive is empty"),
    ],
    ids=["outside", "link-out", "link-up", "through-a-link", "twice", "no-archive", "cut", "empty"],
)
def test_an_archive_that_is_none_is_not_used_though_it_is_signed(
    node: Machine, master: Script, cache: Master, builder: Builder, content: bytes, reason: str
) -> None:
    configure(node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed)
    put(cache, node, builder, content)
    master.supply(URL)
    built_instead(node, reason)
    assert {path.name for path in node.root.iterdir()} >= {"opt", "srv"}
    assert not (node.software / "outside").exists()


def test_another_content_than_the_signed_one_is_not_unpacked(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    configure(node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed)
    content = archive(("", None), ("instance.cfg", "[other]\n"))
    put(cache, node, builder, content)
    (entry,) = stored(cache)
    (cache.folder / "content" / entry["sha512"]).write_bytes(GOOD)
    master.supply(URL)
    built_instead(node, "its content is not the one that the entry names")
    (cache.folder / "content" / entry["sha512"]).unlink()


@pytest.mark.parametrize("url", [DOWN, "ftp://cache", "http://[broken"])
def test_a_cache_that_cannot_be_reached_fails_no_build(
    node: Machine, master: Script, builder: Builder, url: str
) -> None:
    configure(
        node, master, **addresses(f"{url}/", "download", "upload"), signature_certificate_list=builder.listed,
        signature_private_key_file=builder.key_file(node.root),
    )  # fmt: skip
    master.supply(URL)
    built_instead(node, f"The network cache cannot be used for {URL}")
    built(node, master)
    said = node.run("software").err
    assert f"{URL} was not uploaded to the network cache: " in said
    assert (node.software / md5_of(URL) / ".completed").exists()


def test_a_forced_release_is_never_built(node: Machine, master: Script, cache: Master, builder: Builder) -> None:
    configure(
        node, master, **addresses(cache, "download"), signature_certificate_list=builder.listed,
        download_from_binary_cache_force_url_list="\n  http://nothing\n  http://release.example/",
    )  # fmt: skip
    master.supply(URL)
    assert f"ERROR Binary cache forced for '{URL}', but failed" in node.run("software", code=1).err
    (told,) = master.told("softwareReleaseError")
    assert told["error_log"] == f"Binary cache forced for '{URL}', but failed to download, will retry again"
    assert list(node.software.iterdir()) == []

    put(cache, node, builder, GOOD)
    master.answer("availableSoftwareRelease", 500)
    node.run("software", code=1)
    assert not (node.software / md5_of(URL) / ".completed").exists()
    master.answer("availableSoftwareRelease")
    master.calls()
    assert "buildout" not in node.run("software").err, "what was downloaded is only told again"
    assert (node.software / md5_of(URL) / ".completed").exists()

    node.run("software", "--force", code=1)
    (told,) = master.told("softwareReleaseError")
    assert told["error_log"].endswith(f"but directory {node.software / md5_of(URL)} already exists, will retry again")


def test_listed_releases_are_neither_downloaded_nor_uploaded(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    shares(
        node, master, cache, builder, binary_cache_url_blacklist="http://release",
        upload_to_binary_cache_url_blacklist="http://release",
    )  # fmt: skip
    put(cache, node, builder, GOOD)
    master.supply(URL)
    built_instead(node, "WARNING URL http://release is blacklisted")
    (before,) = stored(cache)
    built(node, master)
    assert "Can't upload to binary cache: Software Release URL is blacklisted." in node.run("software").err
    assert stored(cache) == [before]


@pytest.mark.parametrize("why", ["marked", "part"])
def test_a_release_with_shared_parts_is_not_uploaded(
    node: Machine, master: Script, cache: Master, builder: Builder, why: str
) -> None:
    shared = node.root / "shared"
    node.configure(master.url, f"shared_part_list = {shared}")
    shares(node, master, cache, builder)
    release = built(node, master)
    if why == "marked":
        (release / ".shared").touch()
    else:
        (shared / "libpng" / "0123456789abcdef").mkdir(parents=True)
        (release / ".installed.cfg").write_text(f"[png]\npath = {shared}/libpng/0123456789abcdef\n")
    assert f"{URL} is not uploaded: it " in node.run("software").err
    assert not (cache.folder / "index" / md5_of(URL)).exists()


def test_an_upload_that_fails_is_tried_again_by_later_passes(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    shares(node, master, cache, builder)
    text = node.cfg.read_text()
    node.cfg.write_text(text.replace(f"upload-binary-dir-url = {cache.url}", f"upload-binary-dir-url = {DOWN}/"))
    built(node, master)
    assert "a pass in 30 minutes or later tries again" in node.run("software").err
    assert "Trying to upload" not in node.run("software").err
    note = node.instances / "var/run" / f"software-{md5_of(URL)}.upload"
    for last in (False, True):
        os.utime(note, (0, 0))
        said = node.run("software").err
        assert ("it is not tried again" in said) == last
    assert not note.exists()

    note.write_text("1\n")
    os.utime(note, (0, 0))
    node.cfg.write_text(text)
    assert f"Uploading {URL} binary" in node.run("software").err
    assert stored(cache)
    assert not note.exists()
    assert pending.TRIES == 3


def test_what_others_would_refuse_is_not_uploaded(
    node: Machine, master: Script, cache: Master, builder: Builder
) -> None:
    shares(node, master, cache, builder)
    release = built(node, master)
    os.mkfifo(release / "pipe")
    assert "pipe is a device or a pipe" in node.run("software").err
    (release / "pipe").unlink()
    (release / "out").symlink_to("/root/secret")
    assert "the link 'out' leads to /root/secret" in node.run("software", "--force").err
    assert not (cache.folder / "index" / md5_of(URL)).exists()
    assert clean(node)


def test_a_key_that_cannot_sign_is_told(node: Machine, master: Script, cache: Master, builder: Builder) -> None:
    shares(node, master, cache, builder)
    (node.root / "signature.key").write_text("no key")
    built(node, master)
    assert "it is no private key in PEM without a password" in node.run("software").err

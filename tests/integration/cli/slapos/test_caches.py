"""``slapos cachelookup``, ``cache lookup`` and ``cache source`` against a network cache (spec section 10.14)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cachebuilder import Builder
from tests.slaposcli import Slapos
from tests.webserver import Answer, WebServer

from pilothouse.slap.cache_systems import current

SOFTWARE = "http://sr.example/software.cfg"
SOURCE = "http://src.example/a.tgz"


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


@pytest.fixture
def cached(web: WebServer, slapos: Slapos, builder: Builder, tmp_path: Path) -> WebServer:
    """A cache with entries, and a configuration that trusts one builder; another one has signed nothing."""
    lines = "\n".join(f"  {line}" for line in builder.certificate.strip().splitlines())
    file = tmp_path / "slapos.cfg"
    file.write_text(
        "[slapos]\n[networkcache]\n"
        f"download-binary-dir-url = {web.url}/bin/\ndownload-dir-url = {web.url}/dir\n"
        f"download-cache-url = {web.url}/cache\nsignature-certificate-list =\n{lines}\n"
    )
    slapos.cfg = str(file)
    here = current()
    common: dict[str, Any] = {"software_url": SOFTWARE, "sha512": "a" * 128}
    put(web, f"/bin/{md5(SOFTWARE)}",
        builder.entry(**common, multiarch=here.multiarch, os=[here.name, here.version, here.codename]),
        builder.entry(**common, signed=False, machine="x86_64", os="('AIX', '7', '')"))  # fmt: skip
    put(web, f"/dir/file-urlmd5:{md5(SOURCE)}", builder.entry(url=SOURCE, file="a.tgz", sha512="b" * 128))
    put(web, "/dir/pypi:flask=1.0", builder.entry(signed=False, basename="flask-1.0.tgz", sha512="c" * 128))
    put(web, f"/bin/{md5('http://empty')}")
    put(web, f"/dir/file-urlmd5:{md5('http://empty')}")
    return web


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def put(web: WebServer, path: str, *entries: tuple[str, str]) -> None:
    web.answers[path] = Answer(200, json.dumps(entries).encode())


@pytest.mark.parametrize("wanted", [SOFTWARE, md5(SOFTWARE)])
def test_binaries_are_listed_with_what_fits_and_what_can_be_trusted(
    cached: WebServer, slapos: Slapos, wanted: str
) -> None:
    """Check S04."""
    done = slapos("cachelookup", "binary-sr", wanted)
    lines = done.err.splitlines()
    assert lines[:2] == [f"INFO Software URL: {SOFTWARE}", f"INFO MD5:          {md5(SOFTWARE)}"]
    assert lines[3].split() == ["INFO", "multiarch", "distribution", "version", "id", "compatible?", "verified?"]
    rows = [line.split()[1:] for line in lines[5:-1]]
    assert sorted((row[1], *row[-2:]) for row in rows) == sorted([("AIX", "no", "no"), (current().name, "yes", "yes")])
    assert done.out == ""


def test_sources_are_listed(cached: WebServer, slapos: Slapos) -> None:
    """Check S05."""
    done = slapos("cachelookup", "url", SOURCE)
    key = f"file-urlmd5:{md5(SOURCE)}"
    assert done.err == f"INFO Software source URL: {SOURCE}\nINFO SHADIR URL: {cached.url}/dir/{key}\n\n"
    assert [line.split() for line in done.out.splitlines()[1::2]] == [
        ["url", "sha512", "signed"],
        [SOURCE, "b" * 128, "True"],
    ]
    done = slapos("cachelookup", "pypi", "flask", "1.0")
    assert done.err.startswith("INFO Python egg flask version 1.0\nINFO SHADIR URL: ")
    assert done.out.splitlines()[3].split() == ["flask-1.0.tgz", "c" * 128, "False"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("cachelookup", "binary-sr", "http://none"),
            1,
            "ERROR Software release not found in binary cache: http://none",
        ),
        (("cachelookup", "url", "http://none"), 1, "ERROR Object not found in cache."),
        (("cachelookup", "pypi", "a", "1"), 1, "ERROR Object not found in cache."),
        (("cachelookup", "binary-sr", "http://empty"), 0, "INFO Object found in cache, but has no binary entries."),
        (("cachelookup", "url", "http://empty"), 0, "INFO Object found in cache, but has no entry."),
        (("cache", "lookup", "http://none"), 10, "CRITICAL Object not in cache: http://none"),
        (("cache", "source", "http://none"), 10, "CRITICAL Object not in cache: http://none"),
    ],
)
def test_what_is_not_there_is_said(
    cached: WebServer, slapos: Slapos, words: tuple[str, ...], code: int, said: str
) -> None:
    """Checks S04, S05, S06."""
    assert slapos(*words, code=code).err == f"{said}\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cachelookup", "binary-sr", "u"), 1, "CRITICAL Error while looking object u\n"),
        (("cachelookup", "url", "u"), 1, "CRITICAL Error while looking object u\n"),
        (("cachelookup", "pypi", "a", "1"), 1, "CRITICAL Error while looking egg a version 1\n"),
        (("cache", "lookup", "u"), 10, "CRITICAL Error while looking object u: "),
        (("cache", "source", "u"), 10, "CRITICAL Error while looking object u: "),
    ],
)
@pytest.mark.parametrize("answer", [Answer(500, b"no"), Answer(200, b"<html>"), Answer(200, b'[["x"]]')])
def test_a_cache_that_answers_nonsense_is_said_to(
    cached: WebServer, slapos: Slapos, words: tuple[str, ...], code: int, said: str, answer: Answer
) -> None:
    places = (f"/bin/{md5('u')}", f"/dir/file-urlmd5:{md5('u')}", f"/cache/slapos-buildout-{md5('u')}")
    cached.answers.update(dict.fromkeys((*places, "/dir/pypi:a=1"), answer))
    assert slapos(*words, code=code).err.startswith(said)


def test_the_older_commands_print_their_tables(cached: WebServer, slapos: Slapos, builder: Builder) -> None:
    done = slapos("cache", "lookup", SOFTWARE)
    assert done.out.startswith(f"Software URL: {SOFTWARE}\nMD5:          {md5(SOFTWARE)}\n")
    rows = [[cell.strip() for cell in line.split("|")] for line in done.out.splitlines() if "|" in line]
    assert rows[0] == ["distribution", "version", "id", "compatible?"]
    assert ["AIX", "7", "", "no"] in rows
    assert slapos("cache", "source", SOURCE).out.splitlines()[-1].split() == ["a.tgz", "|", "b" * 128]
    put(cached, f"/cache/slapos-buildout-{md5(SOURCE)}", builder.entry(file="old.tgz", sha512="d" * 128))
    assert slapos("cache", "source", SOURCE).out.splitlines()[-1].split() == ["old.tgz", "|", "d" * 128]


def test_a_cache_that_is_down_is_said_to_be(slapos: Slapos, tmp_path: Path) -> None:
    file = tmp_path / "slapos.cfg"
    file.write_text("[networkcache]\ndownload-binary-dir-url = http://127.0.0.1:1\n")
    slapos.cfg = str(file)
    assert slapos("cache", "lookup", "u", code=10).err.startswith(
        "CRITICAL Cannot connect to cache server at http://127.0.0.1:1: "
    )
    assert "No option 'download-dir-url' in section: 'networkcache'" in slapos("cachelookup", "url", "u", code=1).err
    file.write_text("[slapos]\n")
    assert "No section: 'networkcache'" in slapos("cachelookup", "url", "u", code=1).err

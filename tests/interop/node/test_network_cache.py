"""Binary releases: what the original uploads ours downloads, and the other way round, through either's server."""

import configparser
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cachebuilder import Builder
from tests.nodes import NOBODY, Script
from tests.originals import Original
from tests.slapmaster import Master
from tests.slaposcli import Slapos
from tests.slaposnode import SlaposNode, run
from tests.slapproxy import SlapProxy
from tests.webserver import serving

from pilothouse.server.api.slap.options import Options

BUILD = "#!/bin/sh\nmkdir -p parts\necho built >> parts/file\nln -sfn parts/file link\n"
SOURCE = "http://source.example/a.tgz"


@pytest.fixture(scope="module", params=["ours", "theirs"])
def cache(
    request: pytest.FixtureRequest, original: Original, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a network cache: our server, or the original's."""
    folder = tmp_path_factory.mktemp("cache")
    places = {name: folder / name for name in ("content", "metadata")}
    if request.param == "ours":
        options = Options(cache_content=places["content"], cache_metadata=places["metadata"])
        server: Master | SlapProxy = Master(folder, options).start()
    else:
        for place in places.values():
            place.mkdir()
        server = SlapProxy(
            original, folder, *(f"shacache_{name}_directory = {place}" for name, place in places.items())
        ).start()
    yield f"{server.url}shacache/"
    server.stop()


class Node:
    """One software root for both programs: what is built elsewhere has other paths in it, and does not work."""

    def __init__(self, original: Original, folder: Path, cache: str, master: Script, ours: Slapos) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self.theirs = SlaposNode(original, folder, 0).configure(
            computer_id="COMP-1", master_url=master.url, software_timeout="60"
        )
        builder = Builder()
        file = configparser.RawConfigParser()
        file.read(self.theirs.cfg)
        ways = [(way, kind) for way in ("download", "upload") for kind in ("cache", "dir")]
        file["networkcache"] = {
            **{f"{way}-binary-{kind}-url": f"{cache}{kind}" for way, kind in ways},
            **{f"{way}-{kind}-url": f"{cache}{kind}" for way, kind in ways},
            "signature-private-key-file": str(builder.key_file(folder)),
            "signature-certificate-list": builder.listed,
        }
        with self.theirs.cfg.open("w") as stream:
            file.write(stream)
        self._ours = ours
        ours.cfg = str(self.theirs.cfg)
        profile = folder / "software.cfg"
        profile.write_text("[buildout]\nparts =\n")
        self.url = str(profile)
        self.release = self.theirs.release(self.url)

    def seed(self) -> None:
        """Put a release there that is to be built."""
        (self.release / "bin").mkdir(parents=True)
        (self.release / "bin/buildout").write_text(BUILD)
        (self.release / "bin/buildout").chmod(0o755)

    def run_theirs(self) -> str:
        self._give(0)
        return self.theirs("software").said

    def run_ours(self) -> str:
        self._give(NOBODY)
        return self._ours("node", "software").err

    def _give(self, user: int) -> None:
        """Ours gives programs the rights of the root's owner; the original sees root as an ordinary user here."""
        if os.geteuid() == 0:
            root = self.theirs.software_root
            for path in (root, *root.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)


@pytest.fixture
def node(original: Original, cache: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Node]:
    # as root, ours runs builds as another user, who must get there
    folder = Path(tempfile.mkdtemp(prefix="cache-"))
    folder.chmod(0o755)
    with serving() as web:
        master = Script(web)
        made = Node(original, folder / "node", cache, master, Slapos(capsys))
        master.supply(made.url)
        yield made
    shutil.rmtree(folder)


def test_each_takes_what_the_other_has_built(node: Node) -> None:
    for build, take in ((node.run_theirs, node.run_ours), (node.run_ours, node.run_theirs)):
        node.seed()
        assert f"INFO Uploading {node.url} binary into network cache." in build()
        shutil.rmtree(node.release)
        assert "INFO Extracting archive of cached software release..." in take()
        assert (node.release / "parts/file").read_text() == "built\n"
        assert (node.release / "link").readlink() == Path("parts/file")
        assert (node.release / "bin/buildout").stat().st_mode & 0o777 == 0o755
        assert (node.release / ".completed").exists()
        shutil.rmtree(node.release)


def test_lookups_agree_with_what_was_uploaded(
    node: Node, original: Original, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Slapos(capsys, str(node.theirs.cfg))
    node.seed()
    node.run_ours()
    assert ours("cachelookup", "binary-sr", node.url).err.splitlines()[-2].split()[-2:] == ["yes", "yes"]
    words = ("cachelookup", "binary-sr", node.url, "--cfg", node.theirs.cfg)
    theirs = run([original.program("slapos"), *words], node.theirs.folder)
    assert theirs.said == ours("cachelookup", "binary-sr", node.url).err
    assert ours("cache", "lookup", node.url).out.splitlines()[-1].split()[-1] == "yes"

    source = node.theirs.folder / "a.tgz"
    source.write_bytes(b"a source")
    upload = ("--config", node.theirs.cfg, "--url", SOURCE, "--file", source)
    run([original.program("networkcache-upload"), *upload], node.theirs.folder)
    sha512 = hashlib.sha512(b"a source").hexdigest()
    assert ours("cachelookup", "url", SOURCE).out.splitlines()[-2].split()[-2:] == [sha512, "True"]
    assert ours("cache", "source", SOURCE).out.splitlines()[-1].split() == ["a.tgz", "|", sha512]

"""Our ``slapos`` and the original's, one after the other: the same output, the same log, the same exit code."""

import hashlib
import json
import subprocess
import urllib.request

import pytest
from tests.interop.cli.world import Site
from tests.originals import Original
from tests.slaposcli import HEAD, Done, Slapos

SOURCE = "http://src.example/a.tgz"
SOFTWARE = "http://sr.example/software.cfg"


@pytest.fixture
def filled(site: Site) -> Site:
    """A site with something to tell: an instance, a software, entries of a cache."""
    site.partitions(2)
    order = site.library.registerOpenOrder()
    partition = order.request(site.json, site.title("told"), {"_": '{"a": 1}'}, filter_kw={"computer_guid": site.node})
    partition.setConnectionDict({"_": '{"url": "http://h", "\u00e9": [1, null]}'})
    common = {"sha512": "a" * 128, "software_url": SOFTWARE, "url": SOURCE}
    systems = [["debian", "12", "bookworm"], ["Ubuntu", "22.04", "jammy"]]
    for key, system in (
        (f"file-urlmd5:{md5(SOURCE)}", systems[0]),
        (md5(SOFTWARE), systems[1]),
    ):
        text = json.dumps({**common, "multiarch": "m", "os": system})
        put(f"{site.proxy.url}shacache/dir/{key}", [text, ""])
    with site.cfg.open("a") as file:
        caches = [f"download-{kind}dir-url = {site.proxy.url}shacache/dir" for kind in ("", "binary-")]
        caches += [f"download-{kind}cache-url = {site.proxy.url}shacache/cache" for kind in ("", "binary-")]
        file.write("[networkcache]\nsignature-certificate-list =\n" + "\n".join(caches) + "\n")
    return site


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def put(url: str, value: object) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(value).encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def run(original: Original, *words: str) -> Done:
    done = subprocess.run(
        [original.program("slapos"), *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return Done(done.returncode, done.stdout, HEAD.sub(r"\1 ", done.stderr))


@pytest.mark.parametrize(
    "words",
    [
        ("service", "info", "{told}"),
        ("computer", "info", "nobody"),
        ("request", "{told}", "{json}", "--node", "computer_guid={node}", "--state", "stopped"),
        ("supply", "{plain}", "{node}"),
        ("cachelookup", "url", SOURCE),
        ("cachelookup", "binary-sr", SOFTWARE),
    ],
    ids=" ".join,
)
def test_both_say_the_same(filled: Site, slapos: Slapos, original: Original, words: tuple[str, ...]) -> None:
    facts = {"told": filled.title("told"), "node": filled.node, "json": filled.json, "plain": filled.plain}
    full = [word.format(**facts) for word in words]
    theirs = run(original, *full, "--cfg", str(filled.cfg))
    ours = slapos(*full, code=theirs.code)
    assert ours.out == theirs.out
    assert ours.err == theirs.err


def test_the_list_is_the_same(filled: Site, slapos: Slapos, original: Original) -> None:
    theirs = run(original, "service", "list", "--cfg", str(filled.cfg))
    assert slapos("service", "list").out == theirs.out

"""Group S of the checks: the network cache."""

import hashlib
import json
from pathlib import Path

from tests.slapmaster import Master

from pilothouse.server.api.slap.options import Options


def sha512(content: bytes) -> str:
    return hashlib.sha512(content).hexdigest()


def test_contents_are_kept_by_their_sum(master: Master) -> None:  # S01
    content = b"a release" * 100_000
    name = sha512(content)
    stored = master.http.post("shacache/cache", content=content)
    assert (stored.status_code, stored.text) == (201, name)
    read = master.get(f"shacache/cache/{name}")
    assert (read.content, read.headers["etag"]) == (content, f'"{name}"')
    assert read.headers["content-disposition"] == "attachment"
    other = b"another"
    assert master.http.put(f"shacache/cache/{sha512(other)}", content=other).status_code == 201
    wrong = master.http.put(f"shacache/cache/{sha512(b'more')}", content=other)
    assert (wrong.status_code, wrong.text) == (400, "Checksum mismatch")
    assert master.get(f"shacache/cache/{sha512(b'more')}").status_code == 404
    assert master.get("shacache/cache/..%2fpilothouse.db").status_code == 404


def test_parts_of_contents(master: Master) -> None:
    name = master.http.post("shacache/cache/", content=b"0123456789").text
    part = master.get(f"shacache/cache/{name}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert master.get(f"shacache/cache/{name}", headers={"Range": "bytes=20-"}).status_code == 416
    assert master.get(f"shacache/cache/{name}", headers={"If-None-Match": f'"{name}"'}).status_code == 304


def test_entries_lead_to_contents(master: Master) -> None:  # S02
    entry = json.dumps({"sha512": sha512(b"x"), "file": "f"})
    assert master.get("shacache/dir/absent").status_code == 404
    assert master.http.put("shacache/dir/key", json=[entry, "signature"]).status_code == 201
    assert master.get("shacache/dir/key").json() == [[entry, "signature"]]
    for wrong in ([entry], [entry, "a", "b"], {"a": 1}, ["no json", "s"], [1, 2]):
        assert master.http.put("shacache/dir/other", json=wrong).status_code == 400, wrong
    for key in ("file-urlmd5:0123", "pypi:flask=1.0"):  # as clients of the cache make them
        assert master.http.put(f"shacache/dir/{key}", json=[entry, "signature"]).status_code == 201
        assert master.get(f"shacache/dir/{key}").json() == [[entry, "signature"]]
    assert master.http.put("shacache/dir/..%2fescape", json=[entry, "s"]).status_code == 400


def test_entries_without_contents_are_dropped(tmp_path: Path) -> None:  # S03
    running = Master(tmp_path, Options(cache_content=tmp_path / "c", cache_metadata=tmp_path / "m")).start()
    try:
        name = running.http.post("shacache/cache", content=b"here").text
        running.http.put("shacache/dir/kept", json=[json.dumps({"sha512": name}), "s"])
        running.http.put("shacache/dir/lost", json=[json.dumps({"sha512": sha512(b"lost")}), "s"])
        assert running.http.post("shacache/update").json() == {"removed": ["lost"], "updated": []}
        assert running.get("shacache/dir/lost").status_code == 404
        assert running.get("shacache/dir/kept").status_code == 200
    finally:
        running.stop()


def test_what_is_not_here_comes_from_upstream(master: Master, tmp_path: Path) -> None:  # 5.3
    name = master.http.post("shacache/cache", content=b"upstream").text
    entry = json.dumps({"sha512": name})
    master.http.put("shacache/dir/above", json=[entry, "s"])
    options = Options(
        cache_content=tmp_path / "c",
        cache_metadata=tmp_path / "m",
        cache_upstream_content=f"{master.url}shacache/cache",
        cache_upstream_metadata=f"{master.url}shacache/dir",
    )
    below = Master(tmp_path, options).start()
    try:
        assert below.get(f"shacache/cache/{name}").content == b"upstream"
        assert (tmp_path / "c" / name).read_bytes() == b"upstream"
        assert below.get("shacache/dir/above").json() == [[entry, "s"]]
        below.http.put("shacache/dir/own", json=[entry, "s"])
        assert below.http.post("shacache/update").json() == {"removed": ["own"], "updated": ["above"]}
    finally:
        below.stop()


def test_without_folders_every_path_says_so(tmp_path: Path) -> None:  # 5.3
    running = Master(tmp_path).start()
    try:
        for path in ("shacache", "shacache/cache/x", "shacache/dir/x"):
            answer = running.get(path)
            assert (answer.status_code, answer.text) == (503, "Shacache not configured")
    finally:
        running.stop()

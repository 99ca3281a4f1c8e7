"""Node documents over HTTP: kept, checked at every read, told to clients that have them already."""

import gzip

from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master, loaded


def test_a_document_follows_every_change(master: Master, node: Node, title: str) -> None:
    computer = node(2)
    first = master.get("getFullComputerInformation", computer_id=computer)
    again = master.get("getFullComputerInformation", computer_id=computer)
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    master.request(title, filter_xml={"computer_guid": computer})
    changed = master.get("getFullComputerInformation", computer_id=computer)
    assert changed.headers["etag"] != first.headers["etag"]
    states = [slot.get("_requested_state") for slot in loaded(changed).get("_computer_partition_list")]
    assert states == ["started", "destroyed"]


def test_a_client_that_has_it_is_told_so(master: Master, node: Node) -> None:  # 15.1
    computer = node(1)
    first = master.get("getFullComputerInformation", computer_id=computer)
    assert first.headers["cache-control"] == "public, max-age=1, stale-if-error=604800"
    assert "last-modified" in first.headers
    assert "REMOTE_USER" in first.headers["vary"]
    same = master.get(
        "getFullComputerInformation", computer_id=computer, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")


def test_a_large_document_is_compressed_once_it_is_read_again(master: Master, node: Node) -> None:
    computer = node(20)
    path = f"getFullComputerInformation?computer_id={computer}"
    with master.http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        plain = b"".join(answer.iter_raw())
        assert "content-encoding" not in answer.headers
    with master.http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert master.http.get(path, headers={"Accept-Encoding": "identity"}).content == plain

"""Node documents over HTTP: kept, checked at every read, told to clients that have them already."""

import asyncio
import gzip
from pathlib import Path

from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master, described, loaded, marshalled

from pilothouse.identity.caller import LOCAL
from pilothouse.server.api.slap.options import Options
from pilothouse.server.master import software
from pilothouse.store.database import open_store


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


def test_a_change_by_another_process_is_in_the_next_answer(master: Master, node: Node) -> None:
    computer = node(1)
    first = master.get("getFullComputerInformation", computer_id=computer)
    assert master.get("getFullComputerInformation", computer_id=computer).headers["etag"] == first.headers["etag"]

    async def supplied() -> None:
        other = await open_store(master.folder / "pilothouse.db")
        await other.write(lambda c: software.supply(c, LOCAL, computer, "http://sr.example/b.cfg", "available", 1.0))
        await other.close()

    asyncio.run(supplied())
    changed = master.get("getFullComputerInformation", computer_id=computer)
    assert b"http://sr.example/b.cfg" in changed.content


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


def test_asking_for_the_document_is_a_sign_of_life(master: Master, node: Node) -> None:  # X17, 15.3
    computer = node(1)
    assert loaded(master.get("getComputerStatus", computer_id=computer))["no_data"] == 1
    first = master.get("getFullComputerInformation", computer_id=computer)
    told = loaded(master.get("getComputerStatus", computer_id=computer))
    assert told["text"].startswith("#access")
    assert told["no_data_since_5_minutes"] == 0
    assert master.get("getFullComputerInformation", computer_id=computer).headers["etag"] == first.headers["etag"]


def test_the_memory_of_documents_is_bounded(tmp_path: Path) -> None:
    running = Master(tmp_path, Options(documents_kept=20_000)).start()
    try:
        for name in ("a", "b", "c"):
            slots = described(name, *[f"p{number}" for number in range(20)])
            running.post("loadComputerConfigurationFromXML", xml=marshalled(slots))
        for _ in range(2):
            for name in ("a", "b", "c"):
                found = loaded(running.get("getFullComputerInformation", computer_id=name))
                assert found.get("_computer_id") == name
    finally:
        running.stop()

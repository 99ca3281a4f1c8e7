"""A database of the original proxy becomes ours: of the newest version, and of one that named trees otherwise."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.servers import serving

from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.proxy_database import original_of, place_of
from pilothouse.errors import SettingsError
from pilothouse.server.profile import Profile
from pilothouse.slap import instance_xml, marshal_writer

TABLES = """\
CREATE TABLE software{v} (url, computer_reference, requested_state);
CREATE TABLE computer{v} (reference PRIMARY KEY, address, netmask);
CREATE TABLE partition{v} (reference, computer_reference, slap_state, software_release, xml, connection_xml,
  slave_instance_list, software_type, partition_reference, requested_by, {asker} requested_state, timestamp REAL);
CREATE TABLE slave{v} (reference, computer_reference, connection_xml, hosted_by, {slave_asker});
CREATE TABLE partition_network{v} (partition_reference, computer_reference, reference, address, netmask);
CREATE TABLE forwarded_partition_request{v} (partition_reference, master_url);
"""


def make(path: Path, version: int) -> None:
    """Write a database with a root, its child and grandchild, a shared instance, a ghost of one, and a free slot."""
    newest = version >= 18
    asker, slave_asker = ("requester_id,", "requester_id") if newest else ("", "asked_by")
    slaves = [{"slave_reference": "root_s", "slave_title": "root_s", "slap_software_type": "web", "domain": "d&e"}]
    busy: list[dict[str, Any]] = [
        {"reference": "p0", "partition_reference": "root", "requested_by": "", "requester_id": "user",
         "slave_instance_list": marshal_writer.dumps(slaves).decode(), "requested_state": "stopped"},
        {"reference": "p1", "partition_reference": "grandchild", "requested_by": "root" if newest else "p2",
         "requester_id": "p2", "slave_instance_list": None, "requested_state": "started"},
        {"reference": "p2", "partition_reference": "child", "requested_by": "root" if newest else "p0",
         "requester_id": "p0", "slave_instance_list": None, "requested_state": "nonsense"},
    ]  # fmt: skip
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES.format(v=version, asker=asker, slave_asker=slave_asker))

        def add(table: str, **values: Any) -> None:
            marks = ", ".join("?" * len(values))
            connection.execute(
                f"INSERT INTO {table}{version} ({', '.join(values)}) VALUES ({marks})", [*values.values()]
            )

        for computer in ("local", "other"):
            add("computer", reference=computer, address="10.0.0.1", netmask="255.0.0.0")
        add("software", url="http://sr/a.cfg", computer_reference="local", requested_state="available")
        add("software", url="http://sr/b.cfg", computer_reference="local", requested_state="destroyed")
        for row in busy:
            values = {**row, "computer_reference": "local", "slap_state": "busy", "software_release": "http://sr/a.cfg",
                      "xml": instance_xml.dumps({"a": "é", "empty": ""}), "software_type": None, "timestamp": 1234.5,
                      "connection_xml": instance_xml.dumps({"url": "http://x"})}  # fmt: skip
            if not newest:
                del values["requester_id"]
            add("partition", **values)
        for computer in ("local", "other"):
            add("partition", reference="free", computer_reference=computer, slap_state="free", requested_by="")
        for place in ("p0", "p1", "p2", "free"):
            add("partition_network", partition_reference=place, computer_reference="local", reference="tap",
                address=f"10.0.0.{place[-1]}", netmask="255.0.0.0")  # fmt: skip
        for reference in ("root_s", "_ghost"):
            values = {"reference": reference, "computer_reference": "local", "hosted_by": "p0", slave_asker: "p2"}
            add("slave", connection_xml=instance_xml.dumps({"site": "s"}), **values)
        add("forwarded_partition_request", partition_reference="user_x", master_url="http://m/")


@pytest.mark.parametrize("version", [16, 18])
async def test_everything_is_there_and_only_once(tmp_path: Path, version: int) -> None:
    old = tmp_path / "slapproxy.db"
    make(old, version)
    before = old.read_bytes()
    profile = Profile(login=False, original=old)
    ours = str(place_of(str(old)))
    for _ in range(2):
        async with serving(tmp_path, ours, profile) as server, server.client(None) as client:
            listed = await client.post("/slapos.allDocs.v0.compute_node_instance_list", json={"computer_guid": "local"})
            trees = await client.post("/slapos.allDocs.v0.instance_tree_list", json={})
            asked = {"computer_guid": "local", "compute_partition_id": "p1"}
            grandchild = (await client.post("/slapos.get.v0.compute_partition", json=asked)).json()
            host = {"instance_guid": "root______0"}
            hosted = (await client.post("/slapos.allDocs.v0.instance_node_instance_list", json=host)).json()
            software = await client.post(
                "/slapos.allDocs.v0.compute_node_software_installation_list", json={"computer_guid": "local"}
            )
            shared = (
                await client.post("/slapos.get.v0.software_instance", json={"instance_guid": "s___root___1"})
            ).json()
        found = {
            (entry["title"], entry["compute_partition_id"]): entry["state"] for entry in listed.json()["result_list"]
        }
        assert found == {("root", "p0"): "stopped", ("grandchild", "p1"): "started", ("child", "p2"): "started"}
        assert trees.json()["result_list"] == [{"title": "root"}]
        assert (grandchild["root_instance_title"], grandchild["parameters"]) == ("root", {"a": "é", "empty": ""})
        assert (grandchild["connection_parameters"], grandchild["ip_list"]) == (
            {"url": "http://x"},
            [["tap", "10.0.0.1"]],
        )
        assert grandchild["processing_timestamp"] == 1234
        assert [(each["title"], each["parameters"]) for each in hosted["result_list"]] == [("s", {"domain": "d&e"})]
        assert shared["connection_parameters"] == {"site": "s"}
        assert [each["state"] for each in software.json()["result_list"]] == ["available", "destroyed"]
    assert old.read_bytes() == before, "the original's file is never written to"


def test_where_our_database_is(tmp_path: Path) -> None:
    fresh, old, text = tmp_path / "new.db", tmp_path / "old.db", tmp_path / "text.db"
    make(old, 18)
    text.write_text("no database")
    assert (place_of(str(fresh)), original_of(str(fresh))) == (fresh, None)
    assert (place_of(str(old)), original_of(f"sqlite:///{old}")) == (tmp_path / "old.db.pilothouse", old)
    with pytest.raises(CommandError, match="is no database"):
        place_of(str(text))


async def test_a_damaged_database_is_refused_and_tried_again(tmp_path: Path) -> None:
    old = tmp_path / "slapproxy.db"
    make(old, 18)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE partition18 SET xml = '<instance><parameter'")
    profile, ours = Profile(login=False, original=old), str(place_of(str(old)))
    with pytest.raises(SettingsError, match=r"slapproxy\.db: this database of slapos proxy cannot be read"):
        async with serving(tmp_path, ours, profile):
            pass
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE partition18 SET xml = NULL")
    async with serving(tmp_path, ours, profile) as server, server.client(None) as client:
        listed = await client.post("/slapos.allDocs.v0.compute_node_instance_list", json={"computer_guid": "local"})
    assert len(listed.json()["result_list"]) == 3

"""``slapos node format`` and ``boot`` without changes to users and network (node spec, sections 6, 7 and 20)."""

import json
import stat
import zipfile
from ipaddress import ip_address, ip_network
from typing import Any

from tests.nodes import Machine, Script
from tests.webserver import Answer, WebServer

from pilothouse.slap import marshal_reader


def shaped(node: Machine, master: Script, *lines: str, amount: int = 3) -> None:
    node.configure(
        master.url,
        "[slapformat]",
        f"partition_amount = {amount}",
        f"computer_xml = {node.root}/slapos.xml",
        f"computer_json = {node.root}/slapos.json",
        "interface_name = none",
        "ipv4_local_network = 127.20.0.0/24",
        "partition_base_name = slappart",
        "user_base_name = slapuser",
        "tap_base_name = slaptap",
        "alter_user = false",
        "alter_network = false",
        "create_tap = false",
        *lines,
    )


def test_partitions_are_made_recorded_and_told(node: Machine, master: Script) -> None:
    shaped(node, master)
    said = node.run("format", "--now").err
    assert "WARNING Creating new computer data with id 'COMP-1'" in said
    assert "INFO slapos successfully prepared the computer." in said
    (told,) = master.told("loadComputerConfigurationFromXML")
    posted: Any = marshal_reader.loads(told["xml"].encode())
    assert list(posted) == sorted(posted)
    assert posted == marshal_reader.loads((node.root / "slapos.xml").read_bytes())
    assert posted == json.loads((node.root / "slapos.json").read_text())
    assert posted["reference"] == "COMP-1"
    network = ip_network("127.20.0.0/24")
    addresses = [slot["address_list"][0]["addr"] for slot in posted["partition_list"]]
    assert len(set(addresses)) == 3
    assert all(ip_address(one) in network for one in addresses)
    for number in range(3):
        place = node.instances / f"slappart{number}"
        assert stat.S_IMODE(place.stat().st_mode) == 0o750
        resource = json.loads((place / ".slapos-resource").read_text())
        assert resource == posted["partition_list"][number]


def test_a_second_time_nothing_changes_and_partitions_may_be_added(node: Machine, master: Script) -> None:
    shaped(node, master)
    node.run("format", "--now")
    first = (node.root / "slapos.xml").read_bytes()
    node.run("format", "--now")
    assert (node.root / "slapos.xml").read_bytes() == first
    text = node.cfg.read_text()
    node.cfg.write_text(text.replace("partition_amount = 3", "partition_amount = 4"))
    assert "Adding 1 new partitions" in node.run("format", "--now").err
    assert zipfile.ZipFile(node.root / "slapos.xml.zip").read(
        zipfile.ZipFile(node.root / "slapos.xml.zip").namelist()[-1]
    ) == first  # fmt: skip
    node.cfg.write_text(text.replace("partition_amount = 3", "partition_amount = 2"))
    assert "is lower than already configured (4), cannot continue" in node.run("format", "--now", code=1).err


def test_a_master_that_is_away_does_not_undo_anything(node: Machine, master: Script) -> None:
    shaped(node, master)
    master.answer("loadComputerConfigurationFromXML", 404)
    assert "the master does not know COMP-1" in node.run("format", "--now", code=2).err
    assert (node.root / "slapos.xml").exists()


def test_a_dry_run_changes_nothing(node: Machine, master: Script) -> None:
    shaped(node, master)
    node.run("format", "--now", "--dry_run")
    assert master.calls() == []
    assert list(node.instances.iterdir()) == []


def test_a_machine_may_be_written_down_and_read_back(node: Machine, master: Script) -> None:
    shaped(node, master)
    node.run("format", "--now")
    definition = node.root / "definition"
    node.run("format", "--now", "-o", str(definition))
    posted = json.loads((node.root / "slapos.json").read_text())
    node.run("format", "--now", "-i", str(definition))
    again = json.loads((node.root / "slapos.json").read_text())
    for old, new in zip(posted["partition_list"], again["partition_list"], strict=True):
        assert {name: new[name] for name in ("reference", "path", "address_list")} == {
            name: old[name] for name in ("reference", "path", "address_list")
        }
    definition.write_text("[partition_0]\n")
    said = node.run("format", "--now", "-i", str(definition), code=1).err
    assert f"address is missing ({definition}, section [partition_0], address)" in said


def test_values_that_cannot_be_are_refused_with_their_place(node: Machine, master: Script) -> None:
    shaped(node, master, "tap_ipv6 = maybe")
    place = f"({node.cfg}, section [slapformat], tap_ipv6)"
    said = node.run("format", "--now", code=1).err
    assert f"""Option 'tap_ipv6' needs to be "True" or "False", wrong value: 'maybe' {place}""" in said


def test_the_address_that_two_services_agree_on_is_told(node: Machine, master: Script, web: WebServer) -> None:
    bodies = {"/a": b"192.0.2.1\n", "/b": b"<html>", "/c": b"192.0.2.7", "/d": b"192.0.2.7 ", "/e": b"192.0.2.9"}
    web.answers.update({path: Answer(200, body) for path, body in bodies.items()})
    shaped(node, master, "public_ipv4_services =", *(f"  {web.url}{path}" for path in [*bodies, "/none"]))
    node.run("format", "--now")
    assert json.loads((node.root / "slapos.json").read_text())["public_ipv4_address"] == "192.0.2.7"
    asked = [one.path for one in web.asked]
    assert "/d" in asked
    assert "/e" not in asked


def test_what_was_being_made_is_made_and_a_damaged_archive_is_set_aside(node: Machine, master: Script) -> None:
    shaped(node, master)
    node.run("format", "--now")
    (node.root / "slapos.xml.planned").write_bytes(
        (node.root / "slapos.xml").read_bytes().replace(b"127.20", b"127.21")
    )
    (node.root / "slapos.xml.zip").write_bytes(b"PK damaged")
    node.run("format", "--now")
    told = json.loads((node.root / "slapos.json").read_text())
    assert told["partition_list"][0]["address_list"][0]["addr"].startswith("127.21.")
    assert not (node.root / "slapos.xml.planned").exists()
    assert [path.read_bytes() for path in node.root.glob("slapos.xml.zip_broken_*")] == [b"PK damaged"]
    (node.root / "slapos.xml").write_text("<marshal")
    assert "slapos.xml cannot be read" in node.run("format", "--now", code=1).err


def test_the_log_of_format_is_there_even_when_the_configuration_is_wrong(node: Machine, master: Script) -> None:
    shaped(node, master, f"log_file = {node.root}/log/format.log", "create_tun = perhaps")
    node.run("format", "--now", code=1)
    assert (node.root / "log" / "format.log").exists()


def test_partitions_that_were_recorded_otherwise_are_refused(node: Machine, master: Script) -> None:
    shaped(node, master)
    node.run("format", "--now")
    path = node.root / "slapos.xml"
    good = path.read_text()
    first = json.loads((node.root / "slapos.json").read_text())["partition_list"][0]["address_list"][0]["addr"]
    path.write_text(good.replace(f"<string>{first}</string>", "<string>somewhere</string>"))
    assert "slappart0: 'somewhere' is recorded, which is no address" in node.run("format", "--now", code=1).err


def test_after_a_boot_every_partition_is_processed_again(node: Machine, master: Script) -> None:
    shaped(node, master, amount=1)
    place = node.partition()
    (place / ".timestamp").write_text("1")
    node.run("boot")
    assert not (place / ".timestamp").exists()
    assert master.told("computerBang")[0]["message"] == "Reboot"
    assert node.run("bang", "-m", "hello").out == f"Banging to '{master.url}'\nBang with message 'hello'\n"

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
    first, good = "[partition_0]\n", "address = 10.0.0.1/255.0.0.0\nuser = u\npathname = p\n"
    for text, fault in (
        (first, f"address is missing ({definition}, section [partition_0], address)"),
        (
            first + good.replace("10.0.0.1", "here"),
            "'here' does not appear to be an IPv4 or IPv6 address; give <address>/<",
        ),
        (
            first + good.replace("= p", "= ../p"),
            f"pathname is '../p'; give a plain name ({definition}, section [partition_",
        ),
        (f"{first}{good}ipv6_range = fd00::/x\n", f"({definition}, section [partition_0], ipv6_range)"),
        (f"[computer]\naddress = x\n{first}{good}", f"({definition}, section [computer], address)"),
        (first + good, "there is no section [partition_1] for partition_amount = 3"),
        ("nonsense", "input_definition_file cannot be read: "),
    ):
        definition.write_text(text)
        assert fault in node.run("format", "--now", "-i", str(definition), code=1).err


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


def test_the_description_has_the_documented_keys(node: Machine, master: Script) -> None:
    shaped(node, master, f"certificate_repository_path = {node.root}/pki/certificates", "create_tun = true", amount=1)
    node.run("format", "--now")
    told = json.loads((node.root / "slapos.json").read_text())
    assert sorted(told) == [
        *("address", "instance_root", "instance_storage_home", "interface", "ipv6_interface", "netmask", "os_type"),
        *("partition_has_ipv6_range", "partition_list", "public_ipv4_address", "python_version", "reference"),
        *("slapos_version", "software_root", "software_user", "tap_gateway_interface", "tap_ipv6"),
    ]
    assert told["interface"] == {
        "ipv4_local_network": "127.20.0.0/24",
        "ipv6_interface": None,
        "ipv6_prefixshift": 16,
        "name": "none",
    }
    assert [type(one) for one in json.loads(told["os_type"])] == [str] * 4
    (slot,) = told["partition_list"]
    device = [f"{family}_{what}" for family in ("ipv4", "ipv6") for what in ("addr", "gateway", "netmask", "network")]
    assert sorted(slot) == [
        *("address_list", "external_storage_list", "ipv6_range", "path", "reference", "tap", "tun", "user"),
    ]
    assert sorted(slot["tap"]) == sorted(slot["tun"]) == [*device, "name"]
    assert slot["user"] == {
        "additional_group_list": ["slapsoft"],
        "name": "slapuser0",
        "path": f"{node.instances}/slappart0",
        "shell": "/bin/sh",
    }
    assert stat.S_IMODE((node.root / "pki/certificates").stat().st_mode) == 0o700
    resource = node.instances / "slappart0" / ".slapos-resource"
    assert stat.S_IMODE(resource.stat().st_mode) == 0o644
    assert resource.read_text() == json.dumps(slot, indent=4, sort_keys=True)
    before = resource.stat().st_ino
    assert "Partition resources saved" not in node.run("format", "--now").err
    assert resource.stat().st_ino == before


def test_what_was_recorded_wins_over_the_file(node: Machine, master: Script) -> None:
    shaped(node, master, amount=1)
    node.run("format", "--now")
    text = node.cfg.read_text()
    node.cfg.write_text(
        text.replace(f"instance_root = {node.instances}", f"instance_root = {node.root}/other").replace(
            "partition_base_name = slappart", "partition_base_name = part"
        )
    )
    node.run("format", "--now")
    told = json.loads((node.root / "slapos.json").read_text())
    assert told["instance_root"] == str(node.instances)
    assert told["partition_list"][0]["reference"] == "slappart0"
    assert not (node.root / "other").exists()
    # the first one that finds nothing changed begins the archive
    assert len(zipfile.ZipFile(node.root / "slapos.xml.zip").namelist()) == 1


def test_options_win_over_the_file_and_faults_come_in_their_order(node: Machine, master: Script) -> None:
    shaped(node, master, "bridge_name = br0", "tap_ipv6 = maybe", "ipv6_prefixshift = 1", "key_file = /nowhere")
    said = node.run("format", "--now", code=1).err
    assert "Option 'bridge_name' is totally deprecated" in said
    text = node.cfg.read_text().replace("bridge_name = br0", "")
    for fault, mend in (
        ("Option 'tap_ipv6' needs to be", ("tap_ipv6 = maybe", "")),
        ("Parameter 'computer_xml' is not defined.", (f"computer_xml = {node.root}/slapos.xml", "")),
        ("File '/nowhere' does not exist.", ("key_file = /nowhere", "")),
        ("ipv6_prefixshift = 1 does not do for 3 partitions", ("ipv6_prefixshift = 1", "")),
    ):
        node.cfg.write_text(
            text.replace(f"computer_xml = {node.root}/slapos.xml", "") if "computer_xml" in fault else text
        )
        assert fault in node.run("format", "--now", code=1).err
        text = text if "computer_xml" in fault else text.replace(*mend)
    node.cfg.write_text(text)
    other = node.root / "elsewhere.xml"
    node.run("format", "--now", "-x", str(other), "--computer_json", f"{other}.json", "-c", "any")
    assert other.exists()
    assert not (node.root / "slapos.xml").exists()
    assert "Option 'alter_user' needs" not in node.run("format", "--now", "--alter_user", "False").err


def test_an_unknown_manager_stops_a_format_before_it_changes_anything(node: Machine, master: Script) -> None:
    shaped(node, master, "manager_list = cpuset prerm nobody")
    assert "CRITICAL There is no manager 'nobody'" in node.run("format", "--now", code=1).err
    assert list(node.instances.iterdir()) == []


def test_an_ordinary_user_formats_what_it_may(node: Machine, master: Script) -> None:
    shaped(node, master, amount=2)
    node.apart("format", "--now")
    for number in range(2):
        place = node.instances / f"slappart{number}"
        assert (place.stat().st_uid, stat.S_IMODE(place.stat().st_mode)) == (node.owner, 0o750)
        assert (place / ".slapos-resource").stat().st_uid == node.owner
    assert len(master.told("loadComputerConfigurationFromXML")) == 1


def test_external_disks_are_linked_where_an_instance_is_deployed(node: Machine, master: Script) -> None:
    home = node.root / "disks"
    shaped(node, master, f"instance_storage_home = {home}", amount=1)
    node.configure(master.url)
    for name in ("data1", "data02", "misc"):
        (home / name).mkdir(parents=True)
    node.run("format", "--now")
    text = node.cfg.read_text()
    node.cfg.write_text(text.replace("[slapformat]", f"instance_storage_home = {home}\n[slapformat]"))
    place = node.partition()
    node.release("cat DATA/data1/kept > seen 2>/dev/null; echo data > DATA/data1/kept")
    node.give(home / "data1" / "slappart0")
    master.partition("slappart0", "stopped")
    node.instance()
    links = {path.name: str(path.readlink()) for path in (place / "DATA").iterdir()}
    assert links == {"data1": f"{home}/data1/slappart0", "data02": f"{home}/data02/slappart0"}
    assert (home / "data1/slappart0/kept").read_text() == "data\n"
    assert (place / "DATA").stat().st_uid == node.owner
    node.instance("--force")
    assert (place / "seen").read_text() == "data\n"
    master.partition("slappart0", "destroyed")
    node.run("report")
    assert list(place.iterdir()) == []
    assert list((home / "data1/slappart0").iterdir()) == []


def test_a_link_in_the_place_of_the_directory_of_disks_is_not_followed(node: Machine, master: Script) -> None:
    home, victim = node.root / "disks", node.root / "victim"
    (home / "data1" / "slappart0").mkdir(parents=True)
    victim.mkdir()
    node.configure(master.url, f"instance_storage_home = {home}")
    (node.partition() / "DATA").symlink_to(victim)
    node.release()
    master.partition("slappart0", "stopped")
    assert "nothing in it leads to external disks" in node.instance().err
    assert list(victim.iterdir()) == []


def test_after_a_boot_every_partition_is_processed_again(node: Machine, master: Script) -> None:
    shaped(node, master, amount=1)
    place = node.partition()
    (place / ".timestamp").write_text("1")
    node.run("boot")
    assert not (place / ".timestamp").exists()
    assert master.told("computerBang")[0]["message"] == "Reboot"
    assert node.run("bang", "-m", "hello").out == f"Banging to '{master.url}'\nBang with message 'hello'\n"

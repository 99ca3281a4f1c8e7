"""What managers decide, and which of them there are (node spec, section 23)."""

from pathlib import Path
from typing import Any

import pytest

from pilothouse.node import managers
from pilothouse.node.configuration import configuration
from pilothouse.node.errors import ConfigurationError
from pilothouse.node.managers import cpuset, devperm, portredir, whitelistfirewall, wishes

LEAST = {"computer_id": "C", "master_url": "http://m", "software_root": "/s", "instance_root": "/i"}


def test_all_known_managers_can_be_loaded_and_others_are_refused() -> None:
    setting = managers.Setting(path="/f.cfg", instance_root=Path("/i"))
    assert managers.load(setting, managers.KNOWN)
    assert not managers.load(setting, ())
    with pytest.raises(ConfigurationError, match="There is no manager 'os'"):
        managers.load(setting, ("prerm", "os"))


def test_items_of_sections_go_to_the_manager_that_the_section_names() -> None:
    sections = {
        "slapos": {**LEAST, "manager_list": "prerm, devperm", "power_user_list": "a b"},
        "manager:devperm": {"allowed-disk-for-vm": "/dev/a"},
        "manager-other": {"x": "y"},
    }
    found = managers.setting_of(configuration("/f.cfg", sections, {}))
    assert found.items == {"devperm": {"allowed-disk-for-vm": "/dev/a"}, "other": {"x": "y"}}
    assert found.power_users == ("a", "b")


def test_redirected_ports_become_command_lines() -> None:
    asked = [
        {"srcPort": 80, "destPort": 8080},
        {"srcPort": "2000", "destPort": 1, "destAddress": "10.0.0.9", "srcAddress": "10.0.0.1"},
        {"srcPort": 53, "destPort": 53, "type": "udp", "srcAddress": "fd00::2", "destAddress": "10.0.0.9"},
    ]
    commands = [
        (one.name, one.command("/usr/bin/socat")) if isinstance(one, portredir.Redirect) else one
        for one in portredir.redirects(asked, ["10.0.0.5", "fd00::5", "fd00::6"])
    ]
    assert commands == [
        ("socat-tcp-80", "/usr/bin/socat TCP4-LISTEN:80,fork TCP6:[fd00::5]:8080"),
        ("socat-tcp-2000", "/usr/bin/socat TCP4-LISTEN:2000,bind=10.0.0.1,fork TCP4:10.0.0.9:1"),
        ("socat-udp-53", "/usr/bin/socat UDP6-LISTEN:53,bind=[fd00::2],fork UDP4:10.0.0.9:53"),
    ]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (7, "give an object"),
        ({"destPort": 1}, "no 'srcPort'"),
        ({"srcPort": 0, "destPort": 1}, "srcPort is 0"),
        ({"srcPort": 1, "destPort": 70000}, "destPort is 70000"),
        ({"srcPort": 1, "destPort": 1, "type": "exec"}, "type is 'exec'"),
        ({"srcPort": 1, "destPort": 1, "destAddress": "example.org"}, "does not appear to be an IPv4 or IPv6 address"),
        ({"srcPort": 1, "destPort": 1, "destAddress": "fe80::1%x,exec:id"}, "names an interface"),
        ({"srcPort": 1, "destPort": 1, "srcAddress": "0.0.0.0,exec"}, "does not appear to be"),
    ],
)
def test_entries_that_are_no_redirection_are_told_apart(entry: object, text: str) -> None:
    (found,) = portredir.redirects([entry], ["fd00::1"])
    assert isinstance(found, str)
    assert text in found


def test_a_port_is_redirected_once_and_somewhere() -> None:
    one = {"srcPort": 1, "destPort": 1}
    first, second = portredir.redirects([one, one], ["fd00::1"])
    assert isinstance(first, portredir.Redirect)
    assert "already" in str(second)
    (nowhere,) = portredir.redirects([one], ["10.0.0.1"])
    assert "destAddress is missing" in str(nowhere)


def test_disks_are_given_away_if_they_are_disks_and_nobody_uses_them() -> None:
    tree: list[dict[str, Any]] = [
        {"name": "sda", "type": "disk", "children": [{"name": "sda1", "type": "part", "mountpoint": "/"}]},
        {"path": "/dev/sdb", "type": "disk", "mountpoints": [None], "children": [{"name": "x", "type": "lvm"}]},
    ]
    known = {disk.path: disk for disk in devperm.disks(tree)}
    assert {path: disk.used for path, disk in known.items()} == {
        "/dev/sda": True,
        "/dev/sda1": True,
        "/dev/sdb": False,
    }
    assert devperm.refusal("/dev/sdb", known, None) is None
    assert "in use" in str(devperm.refusal("/dev/sda", known, None))
    assert devperm.refusal("/dev/sda", known, frozenset({"/dev/sda"})) is None
    assert "is not in allowed-disk-for-vm" in str(devperm.refusal("/dev/sdb", known, frozenset({"/dev/sda"})))
    assert "no disk" in str(devperm.refusal("/etc/shadow", known, frozenset({"/etc/shadow"})))


def test_a_whitelist_ends_with_a_refusal() -> None:
    good, bad = whitelistfirewall.accepted(["10.0.0.1", "10.0.0.1", "x -j ACCEPT", 7])
    assert (good, bad) == (["10.0.0.1"], ["x -j ACCEPT", "7"])
    assert [" ".join(rule) for rule in whitelistfirewall.rules("p-whitelist", 1001, good)] == [
        "ipv4 filter p-whitelist 0 -d 10.0.0.1 -j ACCEPT",
        "ipv4 filter p-whitelist 1 -j REJECT",
        "ipv4 filter OUTPUT 0 -m owner --uid-owner 1001 -j p-whitelist",
    ]


def test_processors_are_free_or_taken() -> None:
    mounts = "cgroup2 /u cgroup2 rw 0 0\ncgroup /s/cpu cgroup rw,cpu 0 0\ncgroup /s/cpuset cgroup rw,cpuset 0 0\n"
    assert cpuset.mounted(mounts) == Path("/s/cpuset")
    assert cpuset.mounted("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") is None
    assert cpuset.numbers("0-2,5\n") == [0, 1, 2, 5]
    sets = {"cpu1": frozenset({7}), "cpu2": frozenset[int](), "cpu3": frozenset[int]()}
    assert cpuset.moves([7, 8, 8, 9, 10], sets) == [(8, "cpu2"), (9, "cpu3")]
    assert cpuset.moves([1], {}) == []


def test_files_of_wishes_may_hold_anything(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "wish"
    assert wishes.listed(path) is None
    for content in (b"{}", b"\xff", b"[" * 100_000, b"3"):
        path.write_bytes(content)
        assert wishes.listed(path) == []
    assert caplog.text.count("is not heeded") == 4
    path.write_text("[1]")
    assert wishes.listed(path) == [1]
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert wishes.listed(path) is None

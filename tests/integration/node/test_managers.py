"""Managers at work in passes, with real programs under supervisord (node spec, section 23)."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.firewalls import Recorded
from tests.namespaces import inside, program
from tests.nodes import NOBODY, Machine, Script, eventually, runner
from tests.sshd import free_port


def managed(node: Machine, master: Script, *names: str, more: tuple[str, ...] = ()) -> Path:
    node.configure(master.url, f"manager_list = {', '.join(names)}", *more)
    node.release()
    return node.partition()


def wish(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content))


def test_an_unknown_manager_stops_everything(node: Machine, master: Script) -> None:
    managed(node, master, "prerm", "teleport")
    text = (
        "There is no manager 'teleport'; manager_list may name cpuset, devperm, portredir, prerm, whitelistfirewall "
        f"({node.cfg}, section [slapos], manager_list)"
    )
    assert text in node.instance(code=1).err
    assert text in node.run("report", code=1).err
    assert text in node.run("software", code=1).err


# prerm


def test_destruction_waits_for_the_scripts_of_prerm(node: Machine, master: Script) -> None:
    place = managed(node, master, "prerm")
    node.release(
        f"{runner('sleep 300')}\n" + runner("id -u > who; while [ ! -e go ]; do sleep 0.1; done", "prerm", "last")
    )
    master.partition("slappart0", "started")
    node.instance()
    master.partition("slappart0", "destroyed")
    said = node.run("report").err
    assert "There are running processes into the partition, wait until they finish..." in said
    assert (place / ".slapos-report-wait-service-list").read_text() == "slappart0-prerm:last\n"
    assert not (node.instances / "etc/supervisord.conf.d/slappart0.conf").exists()
    eventually((place / "who").exists)
    pids = node.pids()
    node.run("report")
    assert node.pids()["slappart0-prerm:last"] == pids["slappart0-prerm:last"]
    assert int((place / "who").read_text()) == place.stat().st_uid
    assert (place / ".slappart0-prerm_last.log").exists()
    (place / "go").touch()
    eventually(lambda: node.status()["slappart0-prerm:last"] == "EXITED")
    master.calls()
    node.run("report")
    assert list(place.iterdir()) == []
    assert "destroyedComputerPartition" in master.calls()
    assert not [name for name in node.status() if name.startswith("slappart0")]


def test_prerm_leaves_a_partition_alone_that_is_retained(node: Machine, master: Script) -> None:
    place = managed(node, master, "prerm")
    node.release(runner("touch ran", "prerm", "last"))
    master.partition("slappart0", "stopped", filters={"retention_delay": "5"})
    node.instance()
    master.partition("slappart0", "destroyed")
    assert "because of retention lock" in node.run("report").err
    assert not (place / ".slapos-report-wait-service-list").exists()


def test_a_partition_is_not_kept_by_programs_of_others(node: Machine, master: Script) -> None:
    place = managed(node, master)
    other = node.partition("slappart1")
    node.release(runner("sleep 300"))
    master.partition("slappart1", "started")
    master.partition("slappart0", "stopped")
    node.instance()
    (place / ".slapos-report-wait-service-list").write_text("slappart1:wrapper\n")
    master.partition("slappart0", "destroyed")
    node.run("report")
    assert list(place.iterdir()) == []
    assert list(other.iterdir()) != []


# portredir


@pytest.fixture
def echo() -> Iterator[int]:
    """A service of the partition: it answers with the line it gets, once."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.sendall(b"through " + peer.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def asked(port: int) -> bytes:
    def through() -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(b"hello")
                return client.recv(100)
        except ConnectionError:
            return b""

    eventually(lambda: through() == b"through hello", "nobody redirects")
    return through()


def test_ports_lead_to_the_partition_while_it_asks(node: Machine, master: Script, echo: int) -> None:
    place = managed(node, master, "portredir")
    port = free_port()
    wish(
        place,
        ".slapos-port-redirect",
        [
            {"srcPort": port, "srcAddress": "127.0.0.1", "destPort": echo, "destAddress": "127.0.0.1"},
            {"srcPort": "many", "destPort": 1, "destAddress": "127.0.0.1"},
        ],
    )
    node.give(place / ".slapos-port-redirect")
    master.partition("slappart0", "stopped", timestamp="1")
    said = node.instance().err
    assert "'srcPort': 'many'" in said
    assert asked(port) == b"through hello"
    group = node.instances / "etc/supervisord.conf.d/slappart0-socat.conf"
    assert f"TCP4-LISTEN:{port},bind=127.0.0.1,fork TCP4:127.0.0.1:{echo}" in group.read_text()
    assert f"user = {place.stat().st_uid}\n" in group.read_text()
    pids = node.pids()
    node.instance()
    assert node.pids() == pids
    (place / ".slapos-port-redirect").unlink()
    node.instance()
    assert not group.exists()
    assert not [name for name in node.status() if "socat" in name]


def test_a_redirected_port_outlives_a_failing_partition(node: Machine, master: Script, echo: int) -> None:
    place = managed(node, master, "portredir")
    node.release("false")
    port = free_port()
    wish(place, ".slapos-port-redirect", [{"srcPort": port, "destPort": echo, "destAddress": "127.0.0.1"}])
    master.partition("slappart0", "started", timestamp="1")
    node.instance(code=1)
    assert asked(port) == b"through hello"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may listen below port 1024")
def test_root_listens_at_low_ports_and_the_partition_is_reached_by_ipv6(node: Machine, master: Script) -> None:
    place = managed(node, master, "portredir")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as service:
        service.bind(("::1", 0))
        service.settimeout(60)
        entry = {"type": "udp", "srcPort": 77, "srcAddress": "127.77.0.1", "destPort": service.getsockname()[1]}
        wish(place, ".slapos-port-redirect", [entry])
        master.partition("slappart0", "stopped", timestamp="1", ip_list=[("lo", "127.0.0.1"), ("lo", "::1")])
        node.instance()
        eventually(lambda: node.status()["slappart0-socat:socat-udp-77"] == "RUNNING")
        assert Path(f"/proc/{node.pids()['slappart0-socat:socat-udp-77']}").stat().st_uid == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            eventually(lambda: Path("/proc/net/udp").read_text().count("01004D7F:004D") == 1)
            client.sendto(b"hello", ("127.77.0.1", 77))
        assert service.recv(100) == b"hello"


def test_managers_see_partitions_of_this_pass_and_none_that_is_free(node: Machine, master: Script) -> None:
    managed(node, master, "portredir")
    for number in range(3):
        place = node.partition(f"slappart{number}")
        entry = {"srcPort": free_port(), "srcAddress": "127.0.0.1", "destPort": 9, "destAddress": "127.0.0.1"}
        wish(place, ".slapos-port-redirect", [entry])
        master.partition(f"slappart{number}", "stopped", timestamp="1")
    master.partition("slappart2", "destroyed", url=None)
    node.instance("--only-cp", "slappart1")
    groups = node.instances / "etc/supervisord.conf.d"
    assert [path.name for path in groups.glob("*-socat.conf")] == ["slappart1-socat.conf"]
    node.instance()
    assert {path.name for path in groups.glob("*-socat.conf")} == {"slappart0-socat.conf", "slappart1-socat.conf"}


# devperm


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give disks away")
def test_disks_are_given_to_partitions(node: Machine, master: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, mounted, closed = (node.root / name for name in ("disk", "mounted", "closed"))
    for path in (disk, mounted, closed):
        path.touch()
    listed = {
        "blockdevices": [
            {"name": "a", "path": str(mounted), "type": "disk", "children": [
                {"name": "a1", "path": "/nowhere", "type": "part", "mountpoints": ["/"]}]},
            {"name": "b", "path": "/nowhere2", "type": "disk", "children": [
                {"name": "b1", "path": str(disk), "type": "part", "mountpoints": [None]}]},
            {"name": "c", "path": str(closed), "type": "rom"},
        ]
    }  # fmt: skip
    program(node.root / "bin", "lsblk", f"echo '{json.dumps(listed)}'")
    monkeypatch.setenv("PATH", f"{node.root / 'bin'}:{os.environ['PATH']}")
    place = managed(node, master, "devperm")
    (node.root / "byname").symlink_to(disk)
    wish(
        place,
        ".slapos-disk-permission",
        [{"disk": str(node.root / "byname")}, {"disk": str(mounted)}, {"disk": str(closed)}, 7],
    )
    master.partition("slappart0", "stopped", timestamp="1")
    said = node.instance().err
    assert (disk.stat().st_uid, disk.stat().st_gid) == (NOBODY, grp_of("disk"))
    assert mounted.stat().st_uid == closed.stat().st_uid == 0
    assert f"{mounted} is in use by the machine" in said
    assert f"{closed} is no disk of this machine" in said
    os.chown(disk, 0, 0)
    node.configure(master.url, "[manager:devperm]", "allowed-disk-for-vm =", f"  {mounted}")
    said = node.instance().err
    assert mounted.stat().st_uid == NOBODY
    assert disk.stat().st_uid == 0
    assert f"{disk} is not in allowed-disk-for-vm" in said


def grp_of(name: str) -> int:
    import grp

    return grp.getgrnam(name).gr_gid


# whitelistfirewall


def test_a_partition_speaks_to_whom_it_names(node: Machine, master: Script) -> None:
    place = managed(node, master, "whitelistfirewall")
    wish(place, ".slapos-whitelist-firewall", ["10.0.0.1", "fd00::1", "10.0.0.2"])
    master.partition("slappart0", "stopped", timestamp="1")
    assert "whitelistfirewall, which needs a section [firewall]" in node.instance(code=1).err
    firewall = Recorded(node.root / "firewall")
    node.configure(master.url, *firewall.lines)
    assert "fd00::1 is no IPv4 address" in node.instance().err
    chain, uid = "ipv4 filter slappart0-whitelist", place.stat().st_uid
    whole = {
        f"chain {chain}",
        f"rule {chain} 0 -d 10.0.0.1 -j ACCEPT",
        f"rule {chain} 0 -d 10.0.0.2 -j ACCEPT",
        f"rule {chain} 1 -j REJECT",
        f"rule ipv4 filter OUTPUT 0 -m owner --uid-owner {uid} -j slappart0-whitelist",
    }
    assert firewall.rules() == whole
    assert firewall.calls()[-1] == "--reload"
    node.instance()
    assert firewall.calls() == []
    wish(place, ".slapos-whitelist-firewall", ["10.0.0.2"])
    node.instance()
    assert firewall.rules() == whole - {f"rule {chain} 0 -d 10.0.0.1 -j ACCEPT"}
    (place / ".slapos-whitelist-firewall").unlink()
    node.instance()
    assert firewall.rules() == set()
    assert not (place / ".slapos-whitelist-firewall.md5sum").exists()


def test_the_whitelist_of_a_destroyed_partition_goes(node: Machine, master: Script) -> None:
    place = managed(node, master, "whitelistfirewall")
    firewall = Recorded(node.root / "firewall")
    node.configure(master.url, *firewall.lines)
    wish(place, ".slapos-whitelist-firewall", ["10.0.0.1"])
    master.answer("getHostingSubscriptionIpList", body=[])
    master.partition("slappart0", "stopped", timestamp="1")
    node.instance()
    master.partition("slappart0", "destroyed", timestamp="1")
    node.run("report")
    assert firewall.rules() == set()


# cpuset


CPUSETS = Path("/sys/fs/cgroup/cpuset")
_SETS = """
top=$CPUSETS/$NAME
mkdir $top
cat $CPUSETS/cpuset.effective_cpus > $top/cpuset.cpus
cat $CPUSETS/cpuset.effective_mems > $top/cpuset.mems
echo 1 > $top/cpuset.cpu_exclusive
mount --bind $top $CPUSETS
trap 'kill -9 $first $second $stranger; sleep 0.2; rmdir $CPUSETS/cpu[0-9]*' EXIT
formats
formats
echo '--- sets'
for one in $CPUSETS/cpu[0-9]*; do echo ${one##*/} $(cat $one/cpuset.cpus $one/cpuset.cpu_exclusive); done
setpriv --reuid=slapuser0 --regid=slapuser0 --clear-groups sleep 271 >/dev/null 2>&1 & first=$!
setpriv --reuid=slapuser0 --regid=slapuser0 --clear-groups sleep 272 >/dev/null 2>&1 & second=$!
sleep 273 >/dev/null 2>&1 & stranger=$!
for one in $first $second $stranger; do echo $one > $CPUSETS/cgroup.procs; done
while [ "$(stat -c %U /proc/$first)$(stat -c %U /proc/$second)" != slapuser0slapuser0 ]; do sleep 0.05; done
echo "$stranger $first nonsense $second" > $INSTANCES/slappart0/.slapos-cpu-exclusive
slapos node instance
slapos node instance
echo '--- where'
for one in $first $second $stranger; do sed -n 's/.*cpuset:.*\\///p' /proc/$one/cgroup; done
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not (CPUSETS / "cpuset.effective_cpus").exists() or (os.cpu_count() or 1) < 2,
    reason="sets of processors need root, version 1 of cgroups, and two processors",
)
def test_processes_get_processors_of_their_own(node: Machine, master: Script) -> None:
    node.configure(
        master.url,
        *("manager_list = cpuset", "power_user_list = slapuser0", "[slapformat]", "partition_amount = 1"),
        *(f"computer_xml = {node.root}/slapos.xml", "interface_name = lo", "ipv4_local_network = 127.9.0.0/16"),
        *("create_tap = false", "alter_network = false"),
    )
    node.release()
    master.partition("slappart0", "stopped", timestamp="1")
    name = node.root.name
    try:
        said = inside(node, _SETS, network=False, NAME=name, CPUSETS=str(CPUSETS))
    finally:
        (CPUSETS / name).rmdir()
    sets = [line for line in said["sets"].splitlines() if line.startswith("cpu")]
    assert sets[:2] == ["cpu0 0 1", "cpu1 1 1"]
    first, second, stranger = said["where"].splitlines()[:3]
    # two processors: one is shared by all, the other one is for the first that asked
    assert stranger == "cpu0"
    assert first == "cpu1"
    assert second == ("cpu0" if len(sets) == 2 else "cpu2")
    assert (len(sets) > 2) or "No processor is free for processes" in said["sets"] + said[""]

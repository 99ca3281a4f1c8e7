"""``slapos node format`` with real accounts, addresses, taps and tuns (node spec, sections 6.5 to 6.9).

They are made in a network namespace of their own, and in a copy of ``/etc``, so that nothing stays on the machine.
"""

import json
import os
from typing import Any

import pytest
from tests.namespaces import inside
from tests.nodes import Machine, Script

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts and addresses")

LOOPBACK = "ip addr add 2001:db8:1::1/64 dev lo nodad\n"
# one end of a cable, whose other end is a machine of its own
CABLE = """
ip link add far type veth peer name near
unshare --net sleep 300 &
other=$!
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
trap 'kill $other' EXIT
ip link set far netns $other
ip link set near up
afar() { nsenter --net --target $other "$@"; }
afar ip link set far up
ip addr add 2001:db8:1::1/64 dev near nodad
"""
SEEN = """
echo '--- addresses'; ip -o addr show | awk '{print $2, $4}'
echo '--- taps'; ip -o link show type tun | awk '{print $2}'
echo '--- ranges'; ip -6 route show table local | grep '/80' || true
echo '--- routes'; ip -4 route show | sed 's/ *$//'; ip -6 route show | sed 's/ *$//'
"""


def shaped(node: Machine, master: Script, *lines: str, amount: int = 2, interface: str = "lo") -> None:
    node.configure(
        master.url,
        "[slapformat]",
        f"partition_amount = {amount}",
        f"computer_xml = {node.root}/slapos.xml",
        f"computer_json = {node.root}/slapos.json",
        f"interface_name = {interface}",
        "ipv4_local_network = 10.0.0.0/16",
        "partition_base_name = slappart",
        "user_base_name = slapuser",
        "tap_base_name = slaptap",
        *lines,
    )


def slots(node: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((node.root / "slapos.json").read_text())["partition_list"]
    return found


def test_root_makes_accounts_addresses_taps_and_ranges(node: Machine, master: Script) -> None:
    shaped(node, master)
    said = inside(
        node,
        LOOPBACK
        + """
useradd -r -d /elsewhere -s /bin/bash slapuser1
formats
cp "$ROOT/slapos.xml" "$ROOT/first"
echo '--- again'
formats --verbose
cmp "$ROOT/slapos.xml" "$ROOT/first"
"""
        + SEEN
        + """
echo '--- accounts'
for name in slapsoft slapuser0 slapuser1; do
  id -nG $name
  awk -F: -v n=$name '$1 == n {print $6, $7, ($3 < 1000)}' /etc/passwd
  passwd -S $name | cut -d' ' -f2
done
echo '--- owners'; stat -c '%U:%G %a' "$SOFTWARE" "$INSTANCES/slappart0" "$INSTANCES/slappart1"
""",
    )
    posted = json.loads((node.root / "slapos.json").read_text())
    assert (posted["address"], posted["netmask"]) == ("2001:db8:1::1", "ffff:ffff:ffff:ffff::")
    assert [slot["address_list"][1]["addr"] for slot in slots(node)] == ["2001:db8:1::2", "2001:db8:1::3"]
    expected = {f"lo {slot['address_list'][0]['addr']}/32" for slot in slots(node)}
    addresses = set(said["addresses"].splitlines())
    assert expected | {"lo 2001:db8:1::2/64", "slaptap0 2001:db8:1:0:8001:ffff:ffff:ffff/80"} <= addresses
    assert said["taps"].split() == ["slaptap0:", "slaptap1:"]
    assert [line.split()[1] for line in said["ranges"].splitlines() if line.startswith("local")] == [
        "2001:db8:1:0:4001::/80",
        "2001:db8:1:0:4002::/80",
    ]
    assert "2001:db8:1:0:8001::/80 via 2001:db8:1:0:8001:: dev slaptap0" in said["routes"]
    assert [line for line in said["again"].splitlines() if "Calling: ip" in line] == []
    # an account that was there gets its home and group, and a format finds it so later
    assert f"{node.instances}/slappart1 /bin/sh 1" in said["accounts"]
    assert "Calling: usermod" not in said["again"]
    accounts = said["accounts"].splitlines()
    assert accounts[:3] == ["slapsoft", f"{node.software} /bin/sh 1", "L"]
    assert accounts[3:6] == ["slapuser0 slapsoft", f"{node.instances}/slappart0 /bin/sh 1", "L"]
    assert said["owners"].splitlines() == [
        "slapsoft:slapsoft 755",
        "slapuser0:slapuser0 750",
        "slapuser1:slapuser1 750",
    ]


def test_taps_behind_a_gateway_and_tuns(node: Machine, master: Script) -> None:
    shaped(node, master, "tap_gateway_interface = near", "create_tun = true", interface="near")
    said = inside(
        node,
        CABLE
        + "ip addr add 10.5.0.2/29 dev near\nformats\necho '--- again'\nformats --verbose\n"
        + SEEN
        + "sed -i 's/partition_amount = 2/partition_amount = 3/' \"$CFG\"\nformats\n",
    )
    first, second, third = slots(node)
    assert {name: first["tap"][name] for name in first["tap"] if name.startswith("ipv4")} == {
        "ipv4_addr": "10.5.0.1",
        "ipv4_gateway": "10.5.0.2",
        "ipv4_netmask": "255.255.255.248",
        "ipv4_network": "10.5.0.0",
    }
    assert (second["tap"]["ipv4_addr"], third["tap"]["ipv4_addr"]) == ("10.5.0.3", "10.5.0.4")
    assert "10.5.0.1 dev slaptap0 scope link" in said["routes"]
    # three partitions divide what two had divided before: nobody loses or shares an address
    assert [slot["tun"]["ipv4_addr"] for slot in (first, second, third)] == ["172.16.0.1", "172.24.0.1", "172.20.0.1"]
    assert first["tun"]["ipv4_network"] == "172.16.0.1/255.248.0.0"
    assert first["tun"]["ipv6_addr"] == "2001:db8:1:0:c001::1"
    assert {"slaptun0 172.16.0.1/13", "slaptun0 2001:db8:1:0:c001::1/80"} <= set(said["addresses"].splitlines())
    assert [line for line in said["again"].splitlines() if "Calling: ip" in line] == []


# opens a tun as its owner, without any other right, and says where the next packet goes to
_OWNER = """
import fcntl, os, pwd, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
os.setgroups([])
os.setgid(pwd.getpwnam(sys.argv[1]).pw_gid)
os.setuid(pwd.getpwnam(sys.argv[1]).pw_uid)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"slaptun0", 0x1001))  # TUNSETIFF, a tun without headers
print("ready", flush=True)
while True:
    packet = os.read(tun, 2000)
    if packet[0] >> 4 == 4:
        print(".".join(map(str, packet[16:20])), flush=True)
        break
"""


def test_a_tun_is_its_owners(node: Machine, master: Script) -> None:
    shaped(node, master, "create_tun = true", "create_tap = false")
    said = inside(
        node,
        LOOPBACK
        + """
formats
echo '--- stranger'
"$PYTHON" -c "$OWNER" slapuser1 2>&1 | tail -1
echo '--- packets'
mkfifo "$ROOT/said"
"$PYTHON" -c "$OWNER" slapuser0 > "$ROOT/said" &
exec 3< "$ROOT/said"
read word <&3; echo $word
"$PYTHON" -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("172.16.0.9", 9))'
read word <&3; echo $word
""",
        OWNER=_OWNER,
    )
    assert "Operation not permitted" in said["stranger"]
    assert said["packets"].split() == ["ready", "172.16.0.9"]


def test_fewer_partitions_with_tuns_are_refused_plainly(node: Machine, master: Script) -> None:
    shaped(node, master, "create_tun = true", "create_tap = false")
    said = inside(
        node,
        LOOPBACK
        + "formats\nsed -i 's/partition_amount = 2/partition_amount = 1/' \"$CFG\"\n"
        + "slapos node format --now && exit 9 || [ $? = 1 ]\n",
    )
    assert "CRITICAL Requested amount of computer partitions (1) is lower than already configured (2)" in said[""]


def test_two_formats_at_once_make_one_machine(node: Machine, master: Script) -> None:
    shaped(node, master)
    said = inside(node, LOOPBACK + "formats & first=$!\nformats\nwait $first\n" + SEEN)
    expected = {f"lo {slot['address_list'][0]['addr']}/32" for slot in slots(node)}
    assert {one for one in said["addresses"].splitlines() if one.startswith("lo 10.")} == expected


def test_an_address_that_another_has_is_replaced(node: Machine, master: Script) -> None:
    shaped(node, master, "create_tap = false", interface="near")
    said = inside(
        node,
        CABLE
        + """
afar ip addr add 2001:db8:1::2/64 dev far nodad
formats
echo '--- moved'
taken=$(sed -n 's/.*"addr": "\\(10[^"]*\\)".*/\\1/p' "$ROOT/slapos.json" | head -1)
ip addr del $taken/32 dev near
ip addr add $taken/32 dev lo
formats
ip addr show dev near
"""
        + SEEN,
    )
    first, second = slots(node)
    held = set(said["addresses"].splitlines())
    assert "2001:db8:1::2 is used by another machine on the link of near" in said[""]
    assert first["address_list"][1]["addr"] not in {"2001:db8:1::2", "2001:db8:1::3"}
    assert second["address_list"][1]["addr"] == "2001:db8:1::3"
    assert "near 2001:db8:1::2/64" not in held
    assert "slappart0: 10.0." in said["moved"]
    assert {f"near {slot['address_list'][0]['addr']}/32" for slot in (first, second)} <= held
    assert sum(one.startswith("near 10.0.") for one in held) == 2
    assert sum(one.startswith("near 2001:") for one in held) == 3


def test_external_disks_hold_a_directory_for_each_partition(node: Machine, master: Script) -> None:
    home = node.root / "disks"
    for name in ("data2", "data10", "other", "datax"):
        (home / name).mkdir(parents=True)
    shaped(node, master, f"instance_storage_home = {home}", "create_tap = false", amount=1)
    said = inside(node, LOOPBACK + 'formats\necho "--- owners"\nstat -c "%n %U %a" "$ROOT"/disks/*/*')
    (slot,) = slots(node)
    assert slot["external_storage_list"] == [f"{home}/data2/slappart0", f"{home}/data10/slappart0"]
    assert said["owners"].splitlines() == [
        f"{home}/data10/slappart0 slapuser0 750",
        f"{home}/data2/slappart0 slapuser0 750",
    ]


def test_a_dry_run_of_root_says_what_it_would_do_and_does_nothing(node: Machine, master: Script) -> None:
    shaped(node, master, f"certificate_repository_path = {node.root}/pki")
    said = inside(
        node,
        LOOPBACK + "sha1sum /etc/passwd /etc/group > before\nslapos node format --now --dry_run --verbose\n"
        'sha1sum --check before && rm before\necho "--- after"\nip -o link\nls "$ROOT" "$INSTANCES"',
    )
    assert "Calling: useradd -d" in said[""]
    assert "Calling: ip tuntap add dev slaptap0 mode tap user slapuser0" in said[""]
    assert "slaptap0" not in said["after"]
    assert "slapos.xml" not in said["after"]
    assert "pki" not in said["after"]
    assert "slappart0" not in said["after"]
    assert master.calls() == []


def test_a_definition_file_says_everything(node: Machine, master: Script) -> None:
    (node.root / "definition").write_text(
        "[computer]\naddress = 2001:db8:1::1/ffff:ffff:ffff:ffff::\nsoftware_user = keeper\n"
        "[partition_0]\naddress = 10.9.0.1/255.255.255.255 2001:db8:1::77/ffff:ffff:ffff:ffff::\n"
        "pathname = first\nuser = one\nnetwork_interface = ownname\nipv6_range = 2001:db8:1:0:9999::/80\n"
        "capability_list =\n  big disk\n  gpu\n"
    )
    shaped(
        node,
        master,
        f"input_definition_file = {node.root}/definition",
        "create_tun = true",
        "manager_list = prerm",
        amount=1,
    )
    said = inside(node, LOOPBACK + "formats\n" + SEEN + "echo '--- accounts'\nid -nG one\nls -ld \"$SOFTWARE\"")
    (slot,) = slots(node)
    assert "Computer needs config in constructor to allow managers." in said[""]
    assert (slot["reference"], slot["tap"]["name"], slot["tun"]["name"]) == ("first", "ownname", "slaptun0")
    assert slot["capability_list"] == ["big disk", "gpu"]
    assert {"lo 10.9.0.1/32", "lo 2001:db8:1::77/64"} <= set(said["addresses"].splitlines())
    assert "local 2001:db8:1:0:9999::/80 dev lo" in said["ranges"]
    assert said["accounts"].startswith("one keeper\n")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (("interface_name = void",), "No IPv6 found on interface 'void' to construct IPv6 with."),
        (("tap_gateway_interface = void",), "tap_gateway_interface = void: there is no such interface"),
        (("tap_base_name = lo", "create_tap = true"), "There is an interface lo0, which is no tap"),
        (("partition_disk_quota = 1M",), "its file system has no quotas"),
    ],
)
def test_what_cannot_be_done_is_said(node: Machine, master: Script, lines: tuple[str, ...], text: str) -> None:
    shaped(node, master, *lines, amount=1)
    text_of = node.cfg.read_text()
    for line in lines:
        name = line.partition(" ")[0]
        kept = [one for one in text_of.splitlines() if not one.startswith(f"{name} =")]
        text_of = "\n".join([*kept, line]) + "\n"
    node.cfg.write_text(text_of)
    said = inside(
        node,
        LOOPBACK + 'ip link add lo0 type veth peer name lo1\nmount -t tmpfs none "$INSTANCES"\n'
        "slapos node format --now && exit 9 || [ $? = 1 ]\n",
    )
    assert text in said[""]
    assert "slapos failed to prepare the computer." in said[""]


def test_an_account_that_another_node_has_is_named(node: Machine, master: Script) -> None:
    shaped(node, master, "create_tap = false", amount=1)
    made = 'mkdir -p "$ROOT/other"\nuseradd -M -d "$ROOT/other" slapuser0\n'
    said = inside(node, LOOPBACK + made + "slapos node format --now || true\nslapos node format --now || true")[""]
    text = f"The account slapuser0 had its home at {node.root}/other, which is there still"
    assert said.count(text) == 1

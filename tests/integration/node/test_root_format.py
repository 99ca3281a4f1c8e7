"""``slapos node format`` with real accounts, addresses, taps and ranges (node spec, sections 6.6 to 6.8).

They are made in a network namespace of their own, and in a copy of ``/etc``, so that nothing stays on the machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.nodes import Machine, Script
from tests.serverprocess import SOURCES

INSIDE = """
set -e
mount -t tmpfs none "$PLACE"
cp -a /etc/. "$PLACE"
mount --bind "$PLACE" /etc
ip link set lo up
ip addr add 2001:db8:1::1/64 dev lo nodad
slapos() { "$PYTHON" -m pilothouse.cli.slapos.main "$@" --cfg "$CFG"; }
slapos node format --now || [ $? = 2 ]
cp "$XML" "$XML.first"
slapos node format --now || [ $? = 2 ]
cmp "$XML" "$XML.first"
echo "--- addresses"; ip -o addr show dev lo | awk '{print $4}'
echo "--- taps"; ip -o link show type tun | awk '{print $2}'
echo "--- ranges"; ip -6 route show table local | grep '/80'
echo "--- accounts"
for name in slapsoft slapuser0 slapuser1; do
  id -nG $name
  awk -F: -v n=$name '$1 == n {print $6, $7, ($3 < 1000)}' /etc/passwd
  passwd -S $name | cut -d' ' -f2
done
echo "--- owners"; stat -c '%U:%G %a' "$SOFTWARE" "$INSTANCES/slappart0" "$INSTANCES/slappart1"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts and addresses")
def test_root_makes_accounts_addresses_taps_and_ranges(node: Machine, master: Script) -> None:
    state = node.root / "slapos.xml"
    node.configure(
        master.url,
        "[slapformat]",
        "partition_amount = 2",
        f"computer_xml = {state}",
        f"computer_json = {node.root}/slapos.json",
        "interface_name = lo",
        "ipv4_local_network = 10.0.0.0/16",
        "partition_base_name = slappart",
        "user_base_name = slapuser",
        "tap_base_name = slaptap",
    )
    said = inside(node, state)
    parts = dict(part.split("\n", 1) for part in said.split("--- ")[1:])
    posted = json.loads((node.root / "slapos.json").read_text())
    assert (posted["address"], posted["netmask"]) == ("2001:db8:1::1", "ffff:ffff:ffff:ffff::")
    slots = posted["partition_list"]
    assert [slot["address_list"][1]["addr"] for slot in slots] == ["2001:db8:1::2", "2001:db8:1::3"]
    expected = {f"{slot['address_list'][0]['addr']}/32" for slot in slots}
    assert expected | {"2001:db8:1::2/64", "2001:db8:1::3/64"} <= set(parts["addresses"].split())
    assert parts["taps"].split() == ["slaptap0:", "slaptap1:"]
    assert [line.split()[1] for line in parts["ranges"].splitlines() if line.startswith("local")] == [
        "2001:db8:1:0:4001::/80",
        "2001:db8:1:0:4002::/80",
    ]
    accounts = parts["accounts"].splitlines()
    assert accounts[:3] == ["slapsoft", f"{node.software} /bin/sh 1", "L"]
    assert accounts[3:6] == ["slapuser0 slapsoft", f"{node.instances}/slappart0 /bin/sh 1", "L"]
    assert parts["owners"].splitlines() == [
        "slapsoft:slapsoft 755",
        "slapuser0:slapuser0 750",
        "slapuser1:slapuser1 750",
    ]


def inside(node: Machine, state: Path) -> str:
    place = node.root / "etc"
    place.mkdir()
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", INSIDE],
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCES),
            "PYTHON": sys.executable,
            "PLACE": str(place),
            "CFG": str(node.cfg),
            "XML": str(state),
            "SOFTWARE": str(node.software),
            "INSTANCES": str(node.instances),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout

"""``slapos node format`` killed at any of its changes, then run again (node spec, section 6)."""

import json
import os
from pathlib import Path

import pytest
from tests.namespaces import inside, program
from tests.nodes import Machine, Script

# makes a change and kills its caller: each pass makes one change more than the one before
_DOOM = """
kind=${0##*/}
case "$kind $*" in *' show '*|*' -json '*) exec "$REAL/$kind" "$@";; esac
"$REAL/$kind" "$@"
kill -9 $PPID
"""
_KILLS = """
ip addr add 2001:db8:1::1/64 dev lo nodad
plain=$PATH
while true; do
  PATH=$ROOT/bin:$plain
  if slapos node format --now -q; then code=0; else code=$?; fi
  PATH=$plain
  [ $code = 137 ] || break
  echo "killed"
done
echo "ended with $code"
formats
cp "$ROOT/slapos.xml" "$ROOT/first"
formats
cmp "$ROOT/slapos.xml" "$ROOT/first"
test ! -e "$ROOT/slapos.xml.planned"
echo '--- addresses'; ip -o addr show | awk '{print $2, $4}' | grep -v fe80
echo '--- devices'; ip -o link show type tun | awk -F': ' '{print $2, ($3 ~ /UP/)}'
echo '--- accounts'; grep -c '^slapuser' /etc/passwd; grep -c '^slapuser' /etc/group
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts and addresses")
def test_whatever_change_a_format_is_killed_at_the_next_one_makes_the_same(node: Machine, master: Script) -> None:
    real = next(Path(folder) for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin") if Path(folder, "ip").exists())
    users = next(Path(folder) for folder in ("/usr/sbin", "/sbin") if Path(folder, "useradd").exists())
    for name, where in (("ip", real), ("useradd", users), ("groupadd", users)):
        program(node.root / "bin", name, _DOOM.replace("$REAL", str(where)))
    node.configure(
        master.url,
        "[slapformat]",
        "partition_amount = 2",
        f"computer_xml = {node.root}/slapos.xml",
        f"computer_json = {node.root}/slapos.json",
        "interface_name = lo",
        "ipv4_local_network = 10.0.0.0/16",
        "create_tun = true",
    )
    said = inside(node, _KILLS)
    # three accounts with groups; of two partitions: two devices with five addresses and routes, addresses, range
    assert said[""].splitlines().count("killed") == 30
    assert "ended with 2" in said[""]
    slots = json.loads((node.root / "slapos.json").read_text())["partition_list"]
    expected = {"lo 127.0.0.1/8", "lo ::1/128", "lo 2001:db8:1::1/64"}
    for number, slot in enumerate(slots):
        tap, tun, (local, wide) = slot["tap"], slot["tun"], slot["address_list"]
        expected |= {f"lo {local['addr']}/32", f"lo {wide['addr']}/64", f"slaptap{number} {tap['ipv6_addr']}/80"}
        expected |= {f"slaptun{number} {tun['ipv4_addr']}/13", f"slaptun{number} {tun['ipv6_addr']}/80"}
    assert sorted(said["addresses"].splitlines()) == sorted(expected)
    assert said["devices"].splitlines() == ["slaptap0 1", "slaptun0 1", "slaptap1 1", "slaptun1 1"]
    assert said["accounts"].split() == ["2", "2"]

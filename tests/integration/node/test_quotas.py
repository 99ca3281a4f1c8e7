"""Quotas of partitions on a file system of their own (``partition_disk_quota``, ``disk_snapshot_use_quota``)."""

import os
import shutil
from pathlib import Path

import pytest
from tests.namespaces import inside
from tests.nodes import Machine, Script

_MOUNTED = """
truncate -s 64M "$ROOT/image"
mkfs.ext4 -q -O quota "$ROOT/image"
if mount -o loop "$ROOT/image" "$INSTANCES" 2>/dev/null; then echo 'kernel: quotas'; else
  # this kernel cannot keep them: then everybody is told so
  mkfs.ext4 -q -F "$ROOT/image"
  mount -o loop "$ROOT/image" "$INSTANCES"
  echo 'kernel: none'
fi
chmod 755 "$INSTANCES"
if slapos node format --now; then code=0; else code=$?; fi
echo "--- code"; echo $code
[ $code = 1 ] && exit 0
echo '--- written'
as() { setpriv --reuid=slapuser0 --regid=slapuser0 --clear-groups "$@"; }
as sh -c 'head -c 3M /dev/zero > "$INSTANCES/slappart0/own"' || true
stat -c %s "$INSTANCES/slappart0/own"
"$PYTHON" -c 'import os, sys; from pathlib import Path; from pilothouse.node import quotas
print(quotas.used(Path(sys.argv[1]), Path(sys.argv[1]).stat().st_uid))' "$INSTANCES/slappart0"
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists() or shutil.which("mkfs.ext4") is None,
    reason="a file system of one's own needs root, loop devices and mkfs.ext4",
)
def test_a_partition_gets_no_more_than_its_quota_or_its_file_system_says_why(node: Machine, master: Script) -> None:
    node.configure(
        master.url,
        *("[slapformat]", "partition_amount = 1", f"computer_xml = {node.root}/slapos.xml", "interface_name = lo"),
        *("ipv4_local_network = 127.9.0.0/16", "create_tap = false", "alter_network = false"),
        "partition_disk_quota = 1M",
    )
    said = inside(node, _MOUNTED, network=False)
    if "kernel: quotas" in said[""]:
        assert said["code"].split() == ["0"]
        size, used = map(int, said["written"].split()[-2:])
        assert 0 < size <= 2**20
        assert size <= used <= 2**20
    else:
        assert said["code"].split() == ["1"]
        assert f"{node.instances}/slappart0: its file system has no quotas" in said[""]
        assert "tune2fs -O quota" in said[""]


def test_where_there_are_no_quotas_directories_are_gone_through(caplog: pytest.LogCaptureFixture) -> None:
    from pilothouse.node import collect

    # no kernel keeps quotas of /proc
    assert collect._accounted([Path("/proc/self")]) is None
    assert "in spite of disk_snapshot_use_quota" in caplog.text

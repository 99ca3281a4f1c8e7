"""``slapos configure local`` as root: accounts, addresses, a service that is not root's (node spec, section 22).

All of it happens in namespaces of its own, with a copy of ``/etc``, so that nothing stays on the machine.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.installation import installed
from tests.localmachine import READS

BEGIN = """
set -e
mount -t tmpfs none "$ROOT/copy"
cp -a /etc/. "$ROOT/copy"
mount --bind "$ROOT/copy" /etc
ip link set lo up
slapos() { "$PYTHON" -m pilothouse.cli.slapos.main "$@"; }
pilothouse() { "$PYTHON" -m pilothouse.cli.main "$@"; }
fails() { expected=$1; shift; "$@" || [ $? = "$expected" ]; }
configure() {
  slapos configure local --slapos-configuration-directory "$ROOT/etc" --slapos-instance-root "$ROOT/srv" \
    --slapos-software-root "$ROOT/opt" --slapos-buildout-directory "$ROOT/own" --partition-number 2
}
"""
SERVICE = """
ip addr add 2001:db8:1::1/64 dev lo nodad
configure
slapos supply example.web local_computer
slapos request site example.web
slapos node software
slapos node instance
echo "--- info"; slapos service info site
echo "--- well"; pilothouse service why slappart0
process=$(slapos node status slappart0: | sed 's/.*pid \\([0-9]*\\),.*/\\1/')
echo "--- owners"; stat -c '%U:%G %a' "$ROOT/opt" "$ROOT"/opt/* "$ROOT/srv/slappart0" "$ROOT/srv/slappart0/etc/web.json"
stat -c '%U' /proc/$process
echo "--- page"
"$PYTHON" - "$(slapos service info site | sed -n 's/.*"url": "\\(.*\\)".*/\\1/p')" <<'END'
import sys, urllib.request
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1]).read().decode())
END
kill -9 $process
touch -d @0 "$ROOT/srv/slappart0/buildout.cfg"  # past the time that programs have for their start
echo "--- killed"; fails 2 slapos node promise
until slapos node instance 2>"$ROOT/said" && ! grep -q ERROR "$ROOT/said"; do sleep 0.2; done
echo "--- again"; slapos node promise; pilothouse service why slappart0
slapos request site example.web --state destroyed
slapos node report
echo "--- left"; ls -A "$ROOT/srv/slappart0"; "$PYTHON" - <<'END'
import pathlib
print([path for path in pathlib.Path("/proc").glob("[0-9]*") if path.owner().startswith("slapuser")])
END
"""
UNREADABLE = """
fails 1 configure
ls -A "$ROOT"
grep slapsoft /etc/passwd || echo no account
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts and addresses")


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="local-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "copy").mkdir()
        yield folder


def inside(root: Path, script: str, *begin: str) -> str:
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*begin, *apart, "sh", "-c", BEGIN + script],
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "HOME": str(root / "own"),
            "SLAPOS_CONFIGURATION": str(root / "etc/slapos.cfg"),
            "ROOT": str(root),
            "PYTHON": str(installed(root / "env")),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_root_makes_a_machine_that_deploys_a_service(root: Path) -> None:
    said = inside(root, SERVICE, *READS)
    parts = dict(part.split("\n", 1) for part in said.split("--- ")[1:])
    told = json.loads(parts["info"])
    assert told["connection-parameters"]["url"].startswith("http://10.0.")
    assert parts["well"].startswith("slappart0 is well: 2 promises")
    assert parts["owners"].splitlines() == [
        "slapsoft:slapsoft 755",
        "slapsoft:slapsoft 755",
        "slapuser0:slapuser0 750",
        "slapuser0:slapuser0 600",
        "slapuser0",
    ]
    assert "<h1>It works</h1>" in parts["page"]
    assert "Promise 'page-answers.py' failed" in parts["killed"]
    assert "slappart0 is well: 2 promises" in parts["again"]
    assert parts["left"] == "[]\n"


def test_an_installation_that_only_root_can_read_is_refused_before_anything_is_made(root: Path) -> None:
    (root / "env").mkdir(mode=0o700)
    said = inside(root, UNREADABLE)
    assert f"Other users cannot read {root}/env" in said
    assert said.splitlines()[-3:] == ["copy", "env", "no account"]

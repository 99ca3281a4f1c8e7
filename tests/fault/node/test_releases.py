"""No release is ever used half: passes over releases that are killed at each step (node spec, sections 9 and 10)."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile

import pytest
from tests.cachebuilder import Builder
from tests.nodes import URL, Machine, Script
from tests.serverprocess import SOURCES
from tests.webserver import Answer

from pilothouse.node import locks, release
from pilothouse.node.layout import NodePlace, SoftwarePlace, md5_of
from pilothouse.slap.cache_systems import current

MAKES = """
rm -f done
[ -e kill ] && { rm kill; kill -9 $PPID; exit 1; }
touch begun
mkdir -p parts
touch instance.cfg parts/a parts/b parts/c
touch done"""
PATIENCE = 300


def buildable(node: Machine, master: Script) -> None:
    """Let the node build the release from nothing."""
    bootstrap = node.root / "bootstrap.py"
    bootstrap.write_text(
        "import os\nos.makedirs('bin', exist_ok=True)\n"
        f"open('bin/buildout', 'w').write({'#!/bin/sh' + chr(10) + MAKES!r})\nos.chmod('bin/buildout', 0o755)\n"
    )
    node.configure(master.url, f"buildout = {bootstrap}")
    master.supply(URL)


def killed_at_each_step(node: Machine, scenario: str) -> int:
    node.give_everything()
    done = subprocess.run(
        [*node.as_user(), sys.executable, "-m", "tests.fault.node.stepper", node.cfg, node.software, URL, scenario],
        env={**os.environ, "PYTHONPATH": f"{SOURCES}:{SOURCES.parent}", "HOME": str(node.root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    log = node.root / "passes.log"
    assert done.returncode == 0, done.stderr + (log.read_text()[-3000:] if log.exists() else "")
    found = json.loads(done.stdout)
    assert found["wrong"] == [], log.read_text()[-3000:]
    return int(found["steps"])


@pytest.mark.parametrize("scenario", ["build", "rebuild", "destroy"])
def test_a_pass_that_is_killed_at_any_step_leaves_nothing_half(node: Machine, master: Script, scenario: str) -> None:
    buildable(node, master)
    if scenario != "build":
        node.apart("software")
    if scenario == "destroy":
        master.supply(URL, "destroyed")
    assert killed_at_each_step(node, scenario) > 10


def test_a_release_is_not_used_while_it_is_built_again(node: Machine, master: Script) -> None:
    """Neither when a pass with --force is killed in mid build: the next pass builds it anew."""
    buildable(node, master)
    node.apart("software")
    place = SoftwarePlace(node.software, URL)
    assert release.usable(place)
    (place.folder / "kill").touch()
    process = node.start("software", "--force")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not release.usable(place)
    node.partition()
    master.partition("slappart0", "stopped")
    assert "is not present on system" in node.apart("instance", code=1)
    node.apart("software")
    assert release.installed(place)
    assert (place.folder / "done").exists()


def test_no_instance_is_deployed_from_a_release_that_is_being_built(node: Machine, master: Script) -> None:
    node.release()
    node.partition()
    master.partition("slappart0", "stopped")
    with locks.held(NodePlace(node.instances).run, f"software-{md5_of(URL)}"):
        assert "is not present on system.\nCannot deploy instance. It is being built now." in node.instance(code=1).err
    node.instance()


def test_a_download_that_is_killed_at_any_step_leaves_nothing_half(node: Machine, master: Script) -> None:
    builder, here = Builder(), current()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name in ("begun", "bin/buildout", "instance.cfg", "parts/a", "parts/b", "parts/c", "done"):
            tar.addfile(tarfile.TarInfo(f"{md5_of(URL)}/{name}"))
    sha512 = hashlib.sha512(content.getvalue()).hexdigest()
    entry = builder.entry(
        sha512=sha512, software_url=URL, software_root=str(node.software), multiarch=here.multiarch,
        os=[here.name, here.version, here.codename],
    )  # fmt: skip
    master._web.answers[f"/dir/{md5_of(URL)}"] = Answer(200, json.dumps([entry]).encode())
    master._web.answers[f"/cache/{sha512}"] = Answer(200, content.getvalue())
    node.configure(
        master.url, "[networkcache]", f"signature-certificate-list = {builder.listed}",
        *(f"download-binary-{kind}-url = {master.url}{kind}" for kind in ("cache", "dir")),
    )  # fmt: skip
    master.supply(URL)
    assert killed_at_each_step(node, "download") > 10

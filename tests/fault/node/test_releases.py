"""No release is ever used half: passes over releases that are killed at each step (node spec, sections 9 and 10)."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

import pytest
from tests.cachebuilder import Builder
from tests.nodes import URL, Machine, Script
from tests.serverprocess import SOURCES
from tests.webserver import Answer

from pilothouse.node.layout import md5_of
from pilothouse.slap.cache_systems import current

MAKES = "rm -f done\ntouch begun\nmkdir -p parts\ntouch instance.cfg parts/a parts/b parts/c\ntouch done"
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

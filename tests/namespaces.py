"""A machine of its own for commands that change accounts and network: namespaces, and a copy of ``/etc``."""

import os
import subprocess
import sys
from pathlib import Path

from tests.nodes import Machine
from tests.serverprocess import SOURCES

_PATIENCE = 180.0
_BEFORE = """
set -e
mount -t tmpfs none "$PLACE"
cp -a /etc/. "$PLACE"
mount --bind "$PLACE" /etc
ip link set lo up
slapos() { "$PYTHON" -m pilothouse.cli.slapos.main "$@" --cfg "$CFG"; }
formats() { slapos node format --now "$@" || [ $? = 2 ]; }
"""


def inside(node: Machine, script: str, *, network: bool = True, **more: str) -> dict[str, str]:
    """Run shell lines; returns what they said after each line ``--- name``, by name, and before under ``""``.

    Without a network of their own they reach the scripted master.
    """
    place = node.root / "etc"
    place.mkdir(exist_ok=True)
    done = subprocess.run(
        ["unshare", *(["--net"] if network else []), "--mount", "sh", "-c", _BEFORE + script],
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCES),
            "PYTHON": sys.executable,
            "PLACE": str(place),
            "CFG": str(node.cfg),
            "ROOT": str(node.root),
            "SOFTWARE": str(node.software),
            "INSTANCES": str(node.instances),
            **more,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    first, *parts = ("\n" + done.stdout).split("\n--- ")
    return {"": first, **{name: text for name, _, text in (part.partition("\n") for part in parts)}}


def program(folder: Path, name: str, text: str) -> Path:
    """Make a shell program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path

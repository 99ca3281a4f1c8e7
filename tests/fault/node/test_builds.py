"""Builds that hang, fill the disk, or lose their pass in the instant of their start (node spec, sections 9 and 25)."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nodes import URL, Machine, Script, eventually, is_gone
from tests.serverprocess import SOURCES

from pilothouse.node import processes
from pilothouse.node.layout import NodePlace, md5_of

OTHER = "http://release.example/other.cfg"
KILLER = """
import os, sys
from pilothouse.cli.slapos.main import main

def hook(event, args):
    if event == "open" and f".{sys.argv[1]}" in str(args[0]):
        os.kill(os.getpid(), 9)

sys.addaudithook(hook)
sys.exit(main(sys.argv[2:]))
"""


def again(node: Machine, master: Script) -> None:
    """Make the next pass; after a failure it may make bin/buildout anew, which is there already."""
    bootstrap = node.root / "bootstrap.py"
    bootstrap.touch()
    node.configure(master.url, f"buildout = {bootstrap}")
    node.apart("software")


def note_of(node: Machine, word: str) -> Path:
    name = f"software-{md5_of(URL)}" if word == "software" else "slappart0"
    return NodePlace(node.instances).run / f"{name}.child"


@pytest.mark.parametrize("word", ["software", "instance"])
def test_a_pass_that_dies_between_the_start_of_a_program_and_its_note_has_started_nothing(
    node: Machine, master: Script, word: str
) -> None:
    node.release("touch started; exec sleep 3212")
    place = node.partition()
    master.supply(URL)
    master.partition("slappart0", "stopped", timestamp="1")
    node.give_everything()
    where = node.software / md5_of(URL) if word == "software" else place
    note = note_of(node, word)
    # what is written beside and renamed has a part of its name in the name that it has before
    words = [sys.executable, "-c", KILLER, note.name[:20], "node", word, "--cfg", str(node.cfg)]
    done = subprocess.run(
        [*node.as_user(), *words],
        env={**os.environ, "PYTHONPATH": str(SOURCES), "HOME": str(node.root)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not note.exists()
    eventually(lambda: not processes.marked(f"PILOTHOUSE_CHILD={note}"), "the program runs, and nobody knows of it")
    assert not (where / "started").exists()


def test_a_build_that_hangs_is_ended_with_all_that_it_started(node: Machine, master: Script) -> None:
    """Also what has left its session, and whose parent has ended."""
    folder = node.release(
        "echo last words\n(setsid sh -c 'echo $$ > far; exec sleep 3213' &)\nsleep 3213 & echo $! > near\n"
        "while [ ! -s far ]; do sleep 0.01; done\nwait"
    )
    node.release("touch built", OTHER)
    master.supply(URL)
    master.supply(OTHER)
    node.configure(master.url, "software_timeout = 1")
    said = node.run("software", code=1).err
    assert "INFO last words\n" in said
    (told,) = master.told("softwareReleaseError")
    assert "timed out after 1 seconds" in told["error_log"]
    assert told["url"] == URL
    for name in ("near", "far"):
        assert is_gone(int((folder / name).read_text()))
    assert not note_of(node, "software").exists()
    assert (node.software / md5_of(OTHER) / "built").exists()
    assert (node.software / md5_of(OTHER) / ".completed").exists()
    assert (folder / ".unfinished").exists()

    (folder / "bin/buildout").write_text("#!/bin/sh\n")
    again(node, master)
    assert (folder / ".completed").exists()


@pytest.fixture
def small(node: Machine) -> Iterator[int]:
    """Make the software root a disk of 2 MB, where one may; else let no file grow beyond that. Returns its size."""
    size = 2 * 1024 * 1024
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(node.software)], check=False
        ).returncode
    )
    if not mounted:
        bound, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    node.give(node.software)
    try:
        yield size
    finally:
        if mounted:
            subprocess.run(["umount", str(node.software)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (bound, most))


def test_a_disk_that_is_full_fails_its_release_only(node: Machine, master: Script, small: int) -> None:
    folder = node.release(f"[ -e small ] || dd if=/dev/zero of=large bs=65536 count={2 * small // 65536} || exit 1")
    other = node.release("touch built", OTHER)
    text = node.cfg.read_text()
    node.cfg.write_text(text.replace("software_min_free_space = 1M", "software_min_free_space = 4K"))
    for path in (folder, other):
        (path / "large").unlink(missing_ok=True)
    master.supply(OTHER)
    master.supply(URL)
    node.run("software", code=1)
    (told,) = master.told("softwareReleaseError")
    assert told["url"] == URL
    assert "No space left on device" in told["error_log"] or "File size limit exceeded" in told["error_log"]
    assert (other / ".completed").exists()
    assert (folder / ".unfinished").exists()

    # as long as it is full, that is told
    master.calls()
    node.run("software", code=1)
    assert master.calls()[-1] == "softwareReleaseError"

    (folder / "large").unlink()
    (folder / "small").touch()
    again(node, master)
    assert (folder / ".completed").exists()
    assert master.calls()[-1] == "availableSoftwareRelease"


def test_a_full_disk_of_the_logs_fails_no_build(node: Machine, master: Script) -> None:
    folder = node.release("echo something to log")
    log = NodePlace(node.instances).log / "software" / f"{md5_of(URL)}.log"
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    master.supply(URL)
    node.run("software")
    assert (folder / ".completed").exists()
    assert master.calls()[-1] == "availableSoftwareRelease"

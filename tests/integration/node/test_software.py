"""``slapos node software`` (checks 72 to 76), and what passes that meet do (check 79)."""

import subprocess
from pathlib import Path

import pytest
from tests.nodes import URL, Machine, Script, eventually

from pilothouse.node.layout import md5_of


def test_check_72_a_release_that_cannot_be_built(node: Machine, master: Script) -> None:
    release = node.release("echo first\necho last >&2\nexit 1")
    master.supply(URL)
    said = node.run("software", code=1)
    assert master.calls(forget=False) == [
        "getFullComputerInformation", "buildingSoftwareRelease", "softwareReleaseError"
    ]  # fmt: skip
    (told,) = master.told("softwareReleaseError")
    assert told["error_log"].endswith(":\nfirst\nlast\n\n")
    assert not (release / ".completed").exists()
    assert "INFO first\nINFO last\n" in said.err
    log = Path(said.err.rpartition("is in ")[2].split()[0])
    assert "INFO slapos first\n" in log.read_text()


def test_check_73_a_release_is_built_once(node: Machine, master: Script) -> None:
    release = node.release('echo "$@" > words; pwd >> words')
    master.supply(URL)
    for words, expected in (((), True), ((), False), (("--only-sr", URL), False), (("--force",), True)):
        master.calls()
        node.run("software", *words)
        told = ["buildingSoftwareRelease", "availableSoftwareRelease"] if expected else []
        assert master.calls() == ["getFullComputerInformation", *told]
    assert (release / ".completed").exists()
    given = f"-U buildout:extends-cache={release}/extends-cache buildout:directory={release} -c {release}/buildout.cfg"
    assert (release / "words").read_text() == f"{given}\n{release}\n"
    assert (release / "buildout.cfg").read_text().startswith(f"[buildout]\nextends = {URL}\n")


def test_a_master_that_does_not_hear_it_is_told_again(node: Machine, master: Script) -> None:
    release = node.release()
    master.supply(URL)
    master.answer("availableSoftwareRelease", 500)
    node.run("software", code=1)
    assert not (release / ".completed").exists()
    master.answer("availableSoftwareRelease")
    node.run("software")
    assert (release / ".completed").exists()


@pytest.mark.parametrize("owner", [False, True])
def test_check_74_a_destroyed_release_is_removed(node: Machine, master: Script, owner: bool) -> None:
    """Also by its owner, who may not enter what is closed before it is opened."""
    release = node.release()
    (release / "closed").mkdir()
    (release / "closed/file").touch()
    master.supply(URL, "destroyed")
    master.supply("other", "destroyed")
    node.give_everything()
    (release / "closed").chmod(0)
    if owner:
        node.apart("software")
    else:
        node.run("software")
    assert list(node.software.iterdir()) == []
    assert [told["url"] for told in master.told("destroyedSoftwareRelease")] == [URL, "other"]


def test_check_76_garbage_is_collected_when_asked(node: Machine, master: Script) -> None:
    kept, skipped, old = node.release(), node.release(url="skipped"), node.release(url="old")
    plain = node.software / ("0" * 31)
    plain.mkdir()
    for folder in (kept, skipped, old, plain):
        (folder / "buildout.cfg").touch()
        (folder / ".completed").touch()
    bare = node.release(url="bare")
    master.supply(URL)
    master.supply("skipped")
    node.run("software")
    assert old.exists()
    node.run("software", "--garbage-collect", "--only-sr", md5_of(URL))
    assert not old.exists()
    assert all(folder.exists() for folder in (kept, skipped, plain, bare))


def test_without_room_nothing_is_built(node: Machine, master: Script) -> None:
    node.release()
    node.cfg.write_text(
        node.cfg.read_text().replace("software_min_free_space = 1M", "software_min_free_space = 900000T")
    )
    master.supply(URL)
    assert "required 878.9 PB (option 'software_min_free_space')" in node.run("software", code=1).err
    assert [path.name for path in node.software.iterdir()] == [md5_of(URL)], "nothing is left of a download (26.15)"


def test_a_first_build_that_fails_leaves_a_release_that_nobody_uses(node: Machine, master: Script) -> None:
    bootstrap = node.root / "bootstrap.py"
    bootstrap.write_text(
        "import os, sys\nos.mkdir('bin')\nopen('instance.cfg', 'w').write('[buildout]\\n')\n"
        "open('bin/buildout', 'w').write('#!/bin/sh\\n[ -e again ] || { touch again; exit 1; }\\n')\n"
        "os.chmod('bin/buildout', 0o755)\n"
    )
    node.configure(master.url, f"buildout = {bootstrap}")
    node.partition()
    master.supply(URL)
    master.partition("slappart0", "stopped")
    node.apart("software", code=1)
    assert "is not present on system" in node.instance(code=1).err
    node.apart("software")
    assert "is not present" not in node.instance(code=1).err


@pytest.mark.parametrize("content", ["", "garbage", "999999999", "1"])
def test_check_79_a_stale_pid_file_is_taken_over(node: Machine, master: Script, content: str) -> None:
    master._serve()
    path = node.root / "software.pid"
    path.write_text(content)
    said = node.run("software").err
    assert ("was stale, overwritten" in said) == bool(content)
    assert not path.exists()


def test_check_79_a_pass_under_way_is_left_alone(node: Machine, master: Script) -> None:
    master._serve()
    with subprocess.Popen(["sh", "-c", "sleep 100; : slapos"]) as other:
        try:
            eventually(lambda: b"slapos" in Path(f"/proc/{other.pid}/cmdline").read_bytes())
            (node.root / "instance.pid").write_text(str(other.pid))
            assert f"is aleady running with pid {other.pid}, exiting." in node.instance(code=10).err
        finally:
            other.kill()
    assert (node.root / "instance.pid").exists()


def test_what_cannot_be_built_is_said_in_plain_words(node: Machine, master: Script) -> None:
    missing = str(node.root / "nowhere.cfg")
    master.supply(missing)
    said = node.run("software", "--only-sr", "nothing").err
    assert "Not supplied to this machine, so nothing is done for them: nothing" in said
    said = node.run("software", code=1).err
    assert f"there is no file {missing} on this machine" in said
    assert "Traceback" not in said
    (told,) = master.told("softwareReleaseError")
    assert told["error_log"] == f"there is no file {missing} on this machine to build it from"
    assert list(node.software.iterdir()) == []

"""What a partition's user may put into its directory harms nobody else: neither the machine nor other partitions."""

import os
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.nodes import Machine, Script, eventually, runner

from pilothouse.node import consumption, reading, supervision
from pilothouse.node.child import Lines
from pilothouse.node.supervisor_program import opened

MOVEMENT = "<movement><resource>cpu</resource><quantity>2.0</quantity><price>0</price><VAT></VAT></movement>"


def two(node: Machine, master: Script) -> tuple[Path, Path]:
    """Have a partition whose user means harm, and another one that is started."""
    node.release("mkdir -p etc/run; printf '#!/bin/sh\\nexec sleep 1000\\n' > etc/run/a; chmod 755 etc/run/a")
    for name in ("slappart0", "slappart1"):
        master.partition(name, "started", timestamp="1")
    return node.partition("slappart0"), node.partition("slappart1")


@pytest.mark.parametrize(
    "name", ["x\n[program:own]\ncommand = sleep 1000\nautostart = true", "two words", "a:b", "it's", "a;b", "50%"]
)
def test_no_name_of_a_program_reaches_beyond_its_own(node: Machine, master: Script, name: str) -> None:
    bad, _ = two(node, master)
    (bad / "etc/run").mkdir(parents=True)
    (bad / "etc/run" / name).write_text("#!/bin/sh\n")
    for path in (bad / "etc", bad / "etc/run"):
        node.give(path)
    said = node.instance(code=1)
    assert f"slappart0: {name!r} cannot be the name of a program" in said.err
    assert sorted(node.status()) == ["slappart1:a", "watchdog:watchdog"]
    assert node.status()["slappart1:a"] == "RUNNING"
    assert supervision.refused([Path("web-e1dab9"), Path("a.b+c@d=e~f^g_h")]) == []


@pytest.mark.parametrize("kind", ["large timestamp", "timestamp directory", "loop"])
def test_others_are_processed_whatever_one_holds(node: Machine, master: Script, kind: str) -> None:
    bad, _ = two(node, master)
    if kind == "large timestamp":
        with (bad / ".timestamp").open("wb") as file:
            file.truncate(5 * 1024 * 1024)
    elif kind == "timestamp directory":
        (bad / ".timestamp").mkdir()
        master.partition("slappart0", "destroyed", url=None)
    else:
        (bad / ".timestamp").write_text("1")
        (bad / "etc").mkdir()
        (bad / "etc/promise").symlink_to(bad / "etc/promise")
    node.slapos("node", "instance", "--cfg", str(node.cfg))
    assert node.status()["slappart1:a"] == "RUNNING"
    if kind == "loop":
        (bad / "etc/report").symlink_to(bad / "etc/report")
        node.run("report")


def test_others_start_offline_whatever_one_holds(node: Machine, master: Script) -> None:
    bad, _ = two(node, master)
    node.instance()
    node.slapos("node", "stop", "--cfg", str(node.cfg), "slappart1:a")
    (bad / ".requested_state").mkdir()
    master.answer("getFullComputerInformation", status=503)
    node.instance(code=3)
    assert node.status()["slappart1:a"] == "RUNNING"


def test_pipes_and_sockets_are_removed_as_well(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "destroyed")
    os.mkfifo(place / "pipe")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place / "door"))
    node.run("report")
    assert list(place.iterdir()) == []


def test_the_own_directories_are_no_partitions(node: Machine, master: Script) -> None:
    node.release()
    master.partition("etc", "destroyed")
    said = node.run("report")
    assert "names a partition 'etc'" in said.err
    assert (node.instances / "etc/supervisord.conf").exists()


def test_reports_are_removed_where_they_were_read(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "slappart0", tmp_path / "elsewhere"
    reports = place / "var/xml_report"
    for folder in (reports, elsewhere):
        folder.mkdir(parents=True)
        (folder / "passwd").write_text(f"<consumption>{MOVEMENT}</consumption>")

    class Master:
        def reportUsage(self, _text: str) -> None:  # noqa: N802 - the library's name
            reports.rename(place / "var/away")
            reports.symlink_to(elsewhere)

    remote: Any = SimpleNamespace(partition=None)
    config: Any = SimpleNamespace(computer_id="COMP-1", instance_root=tmp_path)
    one: Any = SimpleNamespace(
        place=SimpleNamespace(folder=place, name="slappart0"), config=config, wanted=remote, node=None
    )
    machine: Any = Master()
    assert consumption.told(config, machine, [one]) == (True, None)
    assert (elsewhere / "passwd").exists()
    assert list((place / "var/away").iterdir()) == []


def test_no_directory_is_held_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real/below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    with reading.held(tmp_path, "real", "below") as descriptor:
        assert os.listdir(descriptor) == []  # noqa: PTH208 - what is held is no path
    with pytest.raises(OSError, match="link"), reading.held(tmp_path, "link", "below"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes logs into directories of others")
def test_logs_lead_nowhere_else(node: Machine, master: Script, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    bad, _ = two(node, master)
    (bad / ".slappart0_a.log").symlink_to(target)
    node.instance()
    assert target.read_text() == "mine"
    assert node.status()["slappart1:a"] == "RUNNING"
    assert node.status()["slappart0:a"] != "RUNNING"
    for path, make in ((bad / "pipe", os.mkfifo), (bad / "second", lambda path: os.link(target, path))):
        make(path)
        with pytest.raises(OSError, match=path.name):
            opened(str(path), "ab")
    (tmp_path / "link").symlink_to(target)
    with opened(str(tmp_path / "link"), "ab") as file:  # where root itself has put it
        assert file.writable()


def test_output_is_kept_as_far_as_a_machine_bears() -> None:
    lines = Lines(shown=False)
    for number in range(40):
        lines.take(b"%d" % number + b"x" * 1024 * 1024)
    text = lines.finish()
    assert len(text) < 18 * 1024 * 1024
    assert text.startswith("(")
    assert "characters before are left out)\n" in text[:80]
    assert "39x" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what others may not")
def test_a_release_hands_out_no_secret(node: Machine, master: Script, tmp_path: Path) -> None:
    two(node, master)
    secret = tmp_path / "secret"
    secret.write_text("[buildout]\n# secret\n")
    secret.chmod(0o600)
    profile = node.release("true") / "instance.cfg"
    profile.rename(profile.with_name("real.cfg"))
    profile.symlink_to("real.cfg")
    node.instance()
    profile.unlink()
    profile.symlink_to(secret)
    said = node.instance("--force", code=1)
    assert "Permission denied" in said.err
    assert "# secret" not in (node.instances / "slappart0/buildout.cfg").read_text()
    profile.unlink()
    os.mkfifo(profile)
    node.instance("--force", code=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs are of another user than partitions")
def test_an_administrators_shell_in_a_partition_is_not_its_process(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "destroyed")
    with subprocess.Popen(["sleep", "1000"], cwd=place) as shell:
        try:
            node.run("report")
            assert list(place.iterdir()) == []
            assert shell.poll() is None
        finally:
            shell.kill()


def test_disks_are_emptied_whatever_lies_among_their_links(node: Machine, master: Script) -> None:
    home = node.root / "disks"
    node.configure(master.url, f"instance_storage_home = {home}")
    place = node.partition()
    node.release()
    master.partition("slappart0", "destroyed")
    disk = home / "data0/slappart0"
    disk.mkdir(parents=True)
    (disk / "kept").write_text("data")
    (place / "DATA/directory").mkdir(parents=True)
    (place / "DATA/file").write_text("x")
    node.run("report")
    assert list(place.iterdir()) == list(disk.iterdir()) == []


def test_logs_are_moved_aside_when_they_are_full(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release(runner("seq 40000\nseq 5\nexec sleep 1000", "run", "a"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    log = place / ".slappart0_a.log"
    eventually(lambda: log.exists() and log.read_text().endswith("\n4\n5\n"))
    assert 0 < log.stat().st_size < 120_000
    assert log.with_name(f"{log.name}.1").stat().st_size > 100_000
    assert node.status()["slappart0:a"] == "RUNNING"

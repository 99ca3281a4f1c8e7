"""``slapos node instance`` against a scripted master: processing (node spec, section 29, checks 1 to 27)."""

import os
import stat

import pytest
from tests.nodes import URL, Machine, Script, eventually, is_gone, runner

LOOP = "trap 'echo ended > stopped; exit' TERM\necho Working\nwhile :; do sleep 0.1; done"


def test_check_1_nothing_to_do(node: Machine, master: Script) -> None:
    master._serve()
    node.instance()
    assert sorted(path.name for path in node.instances.iterdir()) == ["etc", "sv.sock", "var"]
    assert stat.S_IMODE((node.instances / "var").stat().st_mode) == 0o755
    assert master.calls() == ["getFullComputerInformation"]


@pytest.mark.parametrize("name", ["instance.cfg", "template.cfg"])
def test_check_2_and_3_a_stopped_instance_with_certificates(node: Machine, master: Script, name: str) -> None:
    pki = node.root / "pki"
    pki.mkdir()
    node.configure(master.url, f"certificate_repository_path = {pki}")
    place, release = node.partition(), node.release()
    (release / "instance.cfg").rename(release / name)
    master.partition("slappart0", "stopped")
    node.instance()
    assert {path.name for path in place.iterdir()} == {
        ".slapgrid", "buildout.cfg", "software_release", "worked", ".slapos-retention-lock-delay"
    }  # fmt: skip
    assert master.calls() == [
        "getFullComputerInformation", "getComputerPartitionCertificate", "stoppedComputerPartition"
    ]  # fmt: skip
    for path, text in ((pki / "slappart0.crt", "C"), (pki / "slappart0.key", "K")):
        assert path.read_text() == text
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        assert path.stat().st_uid == node.owner


def test_check_4_and_6_free_partitions_are_left_alone(node: Machine, master: Script) -> None:
    empty, full = node.partition(), node.partition("slappart1")
    (full / "x").touch()
    (full / ".timestamp").touch()
    master.partition("slappart0", "destroyed", None)
    master.partition("slappart1", "destroyed", None)
    said = node.instance()
    assert list(empty.iterdir()) == []
    assert [path.name for path in full.iterdir()] == ["x"]
    assert [line for line in said.err.splitlines() if "WARNING" in line and "slappart" in line] == [
        f"WARNING Free partition slappart1 contains file(s) in {full}."
    ]
    assert master.calls() == ["getFullComputerInformation"]


def test_check_7_to_9_a_service_starts_survives_a_failure_and_stops(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release(runner(LOOP))
    master.partition("slappart0", "started")
    node.instance()
    log = place / ".slappart0_wrapper.log"
    eventually(lambda: log.exists() and "Working" in log.read_text())
    assert master.calls()[-1] == "startedComputerPartition"
    pid = node.pids()["slappart0:wrapper"]

    node.release("echo broken\nexit 1")
    node.instance(code=1)
    assert node.pids()["slappart0:wrapper"] == pid
    assert "broken" in (place / ".slapgrid-slappart0-error.log").read_text()
    assert master.calls()[1:] == ["softwareInstanceError"]

    node.release()
    master.partition("slappart0", "stopped")
    node.instance()
    assert (place / "stopped").read_text() == "ended\n"
    assert master.calls()[-1] == "stoppedComputerPartition"
    assert not (node.instances / "etc/supervisord.conf.d/slappart0.conf").exists()
    assert not (place / ".slapgrid-slappart0-error.log").exists()


def test_check_11_a_stopped_instance_starts_when_it_is_asked_to(node: Machine, master: Script) -> None:
    node.partition()
    node.release(runner(LOOP))
    master.partition("slappart0", "stopped")
    node.instance()
    assert "slappart0:wrapper" not in node.status()
    master.partition("slappart0", "started")
    node.instance()
    eventually(lambda: node.status()["slappart0:wrapper"] == "RUNNING")


def test_check_12_a_destroyed_instance_is_stopped_only(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    (place / "x").touch()
    master.partition("slappart0", "destroyed")
    node.instance()
    assert (place / "x").exists()
    assert not (place / "worked").exists()
    assert master.calls() == ["getFullComputerInformation", "stoppedComputerPartition"]


def test_check_13_an_unknown_state_is_an_error(node: Machine, master: Script) -> None:
    node.partition()
    node.release()
    master.partition("slappart0", "foo")
    node.instance(code=1)
    (told,) = master.told("softwareInstanceError")
    assert "has unsupported state: foo" in told["error_log"]


def test_check_14_16_and_17_what_a_buildout_gets(
    node: Machine, master: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = node.partition()
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    node.release(
        "echo $HOME > h\nid -u > u\numask > m\npwd > d\n"
        'for n in 3 4 5 6; do [ -e /proc/$$/fd/$n ] && echo "open $n"; done > f\n'
        'echo "$PYTHONPATH$LC_ALL-$PYTHONNOUSERSITE-$SLAPGRID_INSTANCE_ROOT" > e'
    )
    master.partition("slappart0", "stopped")
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(4)]
    for number in opened:
        os.set_inheritable(number, True)
    try:
        node.instance()
    finally:
        for number in opened:
            os.close(number)
    said = {name: (place / name).read_text() for name in "hudemf"}
    assert said["h"] == said["d"] == f"{place}\n"
    assert said["u"] == f"{node.owner}\n"
    assert said["m"] == "0027\n"
    assert said["e"] == f"-true-{node.instances}\n"
    assert said["f"] == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may own what it must not run")
def test_check_17_nothing_of_an_instance_runs_as_root(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    os.chown(place, 0, 0)
    master.partition("slappart0", "stopped")
    assert "is too dangerous" in node.instance(code=1).err
    assert not (place / "worked").exists()


def test_check_18_the_directory_must_have_its_permissions(node: Machine, master: Script) -> None:
    node.partition().chmod(0o755)
    node.release()
    master.partition("slappart0", "stopped")
    assert "actual permissions are: 0755, wanted are 0750" in node.instance(code=1).err


def test_check_19_the_release_must_be_there_and_whole(node: Machine, master: Script) -> None:
    node.partition()
    master.partition("slappart0", "stopped")
    assert "is not present on system" in node.instance(code=1).err
    release = node.release()
    (release / ".unfinished").touch()
    assert "is not present on system" in node.instance(code=1).err
    (release / "instance.cfg").unlink()
    (release / ".unfinished").unlink()
    assert "is not correctly installed.\nMissing file: " in node.instance(code=1).err


def test_check_21_and_22_one_bad_partition_does_not_stop_the_next(node: Machine, master: Script) -> None:
    node.partition("slappart1")
    node.partition("slappart2")
    node.release()
    node.release("exit 1", "bad")
    master.partition("slappart0", "stopped")
    master.partition("slappart1", "stopped", "bad")
    master.partition("slappart2", "stopped")
    node.instance(code=1)
    (missing, failed) = master.told("softwareInstanceError")
    assert missing["computer_partition_id"] == "slappart0"
    assert failed["computer_partition_id"] == "slappart1"
    assert [told["computer_partition_id"] for told in master.told("stoppedComputerPartition")] == ["slappart2"]


def test_check_23_the_master_hears_the_whole_output(node: Machine, master: Script) -> None:
    node.partition()
    node.release("echo one\necho two >&2\nexit 3")
    master.partition("slappart0", "started")
    said = node.instance(code=1).err
    (told,) = master.told("softwareInstanceError")
    assert told["error_log"].startswith("Failed to run buildout profile in directory ")
    assert "one\ntwo\n" in told["error_log"]
    assert "INFO one\nINFO two\n" in said
    assert "Error while processing the following partitions:\nINFO   slappart0[default]: Failed" in said


def test_check_26_a_buildout_that_hangs_is_ended_with_its_family(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release("(setsid sh -c 'echo $$ > orphan; exec sleep 777' &)\nsleep 777 &\necho $! > child\nsleep 60")
    master.partition("slappart0", "stopped")
    assert "timed out after 1 seconds" in node.instance("--partition-timeout", "1", code=1).err
    assert is_gone(int((place / "child").read_text()))
    assert is_gone(int((place / "orphan").read_text()))


def test_check_27_what_the_profile_is_told(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    node.configure(master.url, "shared_part_list =", "  /a", "  /b")
    master.partition("slappart0", "stopped")
    node.instance()
    profile = place / "buildout.cfg"
    assert stat.S_IMODE(profile.stat().st_mode) == 0o640
    assert profile.read_text() == (
        "[buildout]\nparts =\n\n\n"
        "[buildout]\nbin-directory = ${buildout:directory}/sbin\noffline = true\n\n"
        f"[slap-connection]\ncomputer-id = COMP-1\npartition-id = slappart0\nserver-url = {master.url}\n"
        f"software-release-url = {URL}\nkey-file =\ncert-file =\nshared-part-list =\n  /a\n  /b\n"
        "build-time-part-list =\nrequested-state = stopped\n\n"
        f"[slap_connection]\ncomputer_id = COMP-1\npartition_id = slappart0\nserver_url = {master.url}\n"
        f"software_release_url = {URL}\nkey_file =\ncert_file =\n\n"
        "[storage-configuration]\nstorage-home =\n\n[network-information]\nglobal-ipv4-network =\n"
    )


def test_partitions_are_processed_together_up_to_the_limit(node: Machine, master: Script) -> None:
    """Each buildout waits for the other one: one after the other would never end."""
    for number in range(2):
        node.partition(f"slappart{number}")
        master.partition(f"slappart{number}", "stopped")
    meeting = node.root / "meeting"
    meeting.mkdir()
    meeting.chmod(0o777)
    node.release(f"touch {meeting}/$$\nwhile [ $(ls {meeting} | wc -l) -lt 2 ]; do sleep 0.02; done")
    node.configure(master.url, "parallel_partitions = 2", "partition_timeout = 60")
    node.instance()
    assert master.calls().count("stoppedComputerPartition") == 2


def test_files_of_a_partition_that_are_none_hold_nothing_up(node: Machine, master: Script) -> None:
    place = node.partition()
    secret = node.root / "secret"
    secret.write_text("1")
    node.release(f"ln -s {secret} .slapos-request-transaction-slappart0")
    os.mkfifo(place / ".timestamp")
    master.partition("slappart0", "stopped", timestamp="1")
    node.instance()
    assert (place / ".timestamp").read_text() == "1"
    assert "updateComputerPartitionRelatedInstanceList" not in master.calls()
    (place / ".timestamp").unlink()
    (place / ".timestamp").symlink_to(secret)
    node.instance()
    assert not (place / ".timestamp").is_symlink()


def test_a_partition_cannot_lead_the_node_elsewhere(node: Machine, master: Script) -> None:
    place, outside = node.partition(), node.root / "outside"
    node.release()
    outside.mkdir()
    (place / ".slapgrid").symlink_to(outside)
    master.partition("slappart0", "stopped")
    node.instance(code=1)
    assert list(outside.iterdir()) == []

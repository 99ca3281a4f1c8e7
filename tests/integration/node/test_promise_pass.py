"""``slapos node promise`` and promises within ``slapos node instance`` (node spec 14; checks 24, 56 to 69)."""

import json
from pathlib import Path

import pytest
from tests.nodes import Machine, Script

BAD = "Promise 'p' failed with output: bad"


def promise(node: Machine, name: str, text: str = "echo fine") -> Path:
    place = node.partition(name)
    folder = place / "etc" / "promise"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (place / "etc", folder):
        node.give(path)
    (folder / "p").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "p").chmod(0o755)
    node.give(folder / "p")
    return place


def result(place: Path) -> bool:
    document = json.loads((place / ".slapgrid" / "promise" / "result" / "p.status.json").read_text())
    return bool(document["result"]["failed"])


def test_only_started_instances_are_checked_and_nothing_is_sent(node: Machine, master: Script) -> None:
    places = [
        promise(node, f"slappart{number}", text) for number, text in enumerate(["echo fine", "echo no", "echo x"])
    ]
    for place, state in zip(places, ("started", "stopped", "destroyed"), strict=True):
        master.partition(place.name, state)
    done = node.run("promise")
    assert master.calls() == ["getFullComputerInformation"]
    assert not result(places[0])
    assert [(place / ".slapgrid").exists() for place in places[1:]] == [False, False]
    assert "Processing Promises for Computer Partition slappart0." in done.err
    assert "Checking promise p..." in done.err
    assert "Finished" not in done.err
    assert not (node.instances / "sv.sock").exists()


def test_failures_are_summed_up(node: Machine, master: Script) -> None:
    promise(node, "slappart0", "echo bad; exit 1")
    promise(node, "slappart1")
    for name in ("slappart0", "slappart1"):
        master.partition(name, "started")
    done = node.run("promise", code=2)
    assert BAD in done.err
    assert f"  slappart0[default]: {BAD}" in done.err
    assert "slappart1[" not in done.err
    assert node.run("promise", "--only-cp", "slappart1").err.count("Checking promise") == 1
    assert "Unknown partition: nothing" in node.run("promise", "--only-cp", "nothing", code=1).err
    done = node.run("promise", "--promise-timeout", "1", "--only", "slappart0", "-q", code=2)
    assert "INFO" not in done.err


def test_a_promise_that_cannot_be_run(node: Machine, master: Script) -> None:
    place = promise(node, "slappart0")
    (place / ".slapgrid").write_text("in the way")
    master.partition("slappart0", "started")
    assert "slappart0" in node.run("promise", code=2).err


def test_the_master_is_away(node: Machine, master: Script) -> None:
    promise(node, "slappart0")
    master.answer("getFullComputerInformation", 503)
    node.run("promise", code=1)


def test_check_56_processing_tells_the_master(node: Machine, master: Script) -> None:
    place = promise(node, "slappart0", "echo bad; exit 127")
    node.release()
    master.partition("slappart0", "started", timestamp="1")
    assert f"  slappart0[default]: {BAD}" in node.instance(code=2).err
    assert [form["error_log"] for form in master.told("softwareInstanceError")] == [BAD]
    assert not master.told("startedComputerPartition")
    promise(node, "slappart0")
    master.calls()
    node.instance()
    assert master.calls()[-1] == "startedComputerPartition"
    assert not result(place)


@pytest.mark.parametrize("code", [0, 1])
def test_check_57_what_a_program_says_is_in_the_log_of_the_instance(node: Machine, master: Script, code: int) -> None:
    place = promise(node, "slappart0", f"echo seen >&2; exit {code}")
    node.release()
    master.partition("slappart0", "started")
    node.instance(code=2 * code)
    assert "seen" in (place / ".slapgrid" / "log" / "instance.log").read_text()


def test_check_59_a_failed_processing_still_checks_a_started_instance(node: Machine, master: Script) -> None:
    place = promise(node, "slappart0", "echo bad; exit 1")
    node.release("exit 1")
    for state, checked in (("stopped", False), ("started", True)):
        master.partition("slappart0", state)
        node.instance(code=1)
        assert (place / ".slapgrid" / "promise" / "result").exists() is checked


def test_check_58_the_time_of_a_promise(node: Machine, master: Script) -> None:
    place = promise(node, "slappart0", "exec sleep 25")
    node.release()
    master.partition("slappart0", "started")
    assert (
        "Promise 'p' failed with output: Error: Promise timed out after 1 seconds"
        in node.instance("--promise-timeout", "1", code=2).err
    )
    assert result(place)


def test_check_61_and_63_an_up_to_date_partition_reports_changes(node: Machine, master: Script) -> None:
    place = promise(node, "slappart0")
    node.release()

    def said(access: str | None, text: str = "echo fine") -> list[str]:
        (place / ".slapgrid" / "promise" / "cache" / "p").unlink(missing_ok=True)
        promise(node, "slappart0", text)
        master.partition("slappart0", "started", timestamp="1", access_status=access)
        master.calls()
        node.instance()
        return master.calls()[1:]

    assert "startedComputerPartition" in said(None)
    assert said("#access ok") == []
    assert said("#error x") == ["startedComputerPartition"]
    for _ in range(2):  # a program fails when it failed three times
        assert said("#access ok", "echo bad; exit 1") == []
    assert said("#access ok", "echo bad; exit 1") == ["softwareInstanceError"]
    assert said("#error bad", "echo bad; exit 1") == []


def test_a_pass_waits_for_the_process_that_ran_its_promises(
    node: Machine, master: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    promise(node, "slappart0")
    master.partition("slappart0", "started")
    monkeypatch.setenv("PYTHONWARNINGS", "always")
    assert "ResourceWarning" not in node.apart("promise")

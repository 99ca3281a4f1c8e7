"""A pass of instances with promises: what fails, who hears it, how the pass ends (checks 24, 56 to 61)."""

import json
import os
from pathlib import Path

import pytest
from tests.nodes import Machine, Script, runner


def promised(text: str, name: str = "check") -> str:
    return runner(text, "promise", name)


def test_check_56_and_57_a_promise_that_fails_is_told(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release(promised("echo it is broken >&2; exit 127"))
    master.partition("slappart0", "started", timestamp="1")
    said = node.instance(code=2).err
    assert (
        "Error with promises for the following partitions:\nINFO   slappart0[default]: Promise 'check' failed" in said
    )
    (told,) = master.told("softwareInstanceError")
    assert "it is broken" in told["error_log"]
    assert "startedComputerPartition" not in master.calls()
    assert "it is broken" in (place / ".slapgrid/log/instance.log").read_text()
    assert not (place / ".timestamp").exists()
    assert not (place / ".slapgrid-slappart0-error.log").exists()

    node.release(promised("exit 0"))
    node.instance()
    assert "startedComputerPartition" in master.calls()
    (result,) = (place / ".slapgrid/promise/result").glob("*.json")
    assert json.loads(result.read_text())["result"]["failed"] is False


def test_check_58_a_promise_that_hangs(node: Machine, master: Script) -> None:
    node.partition()
    node.release(promised("sleep 1234"))
    master.partition("slappart0", "started")
    assert "Promise timed out after 1 seconds" in node.instance("--promise-timeout", "1", code=2).err


@pytest.mark.parametrize(("state", "ran"), [("started", True), ("stopped", False)])
def test_check_59_after_a_failure_promises_of_a_started_instance_run(
    node: Machine, master: Script, state: str, ran: bool
) -> None:
    place = node.partition()
    node.release(promised("touch ran") + "\nexit 1")
    master.partition("slappart0", state)
    node.instance(code=1)
    assert (place / "ran").exists() is ran


@pytest.mark.parametrize(
    ("status", "told"), [("#access ok", False), ("#error x", True), (None, True)]
)  # fmt: skip
def test_check_61_an_instance_that_is_up_to_date_is_told_when_that_is_news(
    node: Machine, master: Script, status: str | None, told: bool
) -> None:
    node.partition()
    node.release(promised("exit 0"))
    master.partition("slappart0", "started", timestamp="1", access_status=status)
    node.instance()
    master.calls()
    node.instance()
    assert ("startedComputerPartition" in master.calls()) is told


def test_check_24_the_summary_names_what_failed(node: Machine, master: Script) -> None:
    bad, failing = "http://release.example/bad.cfg", "http://release.example/failing.cfg"
    node.release("")
    node.release("exit 1", bad)
    node.release(promised("echo no; exit 1"), failing)
    for number, url in enumerate((None, bad, failing)):
        node.partition(f"slappart{number}")
        master.partition(f"slappart{number}", "started", **({"url": url} if url else {}))
    lines = node.instance(code=1).err.splitlines()
    summary = lines[lines.index(f"INFO {'=' * 80}") + 1 :]
    titles = [line for line in summary if line.startswith(("INFO Error", "INFO   slappart"))]
    assert titles[0] == "INFO Error while processing the following partitions:"
    assert titles[1].startswith("INFO   slappart1[default]: Failed to run buildout profile")
    assert titles[2] == "INFO Error with promises for the following partitions:"
    assert titles[3].startswith("INFO   slappart2[default]: Promise 'check' failed with output: ")


def test_promises_run_as_the_owner_of_the_partition(node: Machine, master: Script) -> None:
    place: Path = node.partition()
    node.release(promised("id -u > uid"))
    master.partition("slappart0", "started")
    node.instance()
    assert int((place / "uid").read_text()) == node.owner
    assert node.owner != 0 or os.geteuid() != 0

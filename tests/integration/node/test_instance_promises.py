"""A pass of instances with promises: what fails, who hears it, how the pass ends (checks 24, 56 to 61)."""

import json
import os
import textwrap
from pathlib import Path

import pytest
from tests.nodes import Machine, Script, runner
from tests.promises import HEAD


def promised(text: str, name: str = "check") -> str:
    return runner(text, "promise", name)


def plugin(body: str) -> str:
    """Return shell lines that make a plugin of the partition."""
    text = HEAD + textwrap.indent(body, "    ")
    return f"mkdir -p etc/plugin\ncat > etc/plugin/site.py <<'END'\n{text}\nEND"


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
    bad, failing, plugged = (f"http://release.example/{name}.cfg" for name in ("bad", "failing", "plugged"))
    node.release("")
    node.release("exit 1", bad)
    node.release(promised("echo no; exit 1"), failing)
    node.release(plugin("def sense(self): self.logger.error('not this either')"), plugged)
    for number, url in enumerate((None, bad, failing, plugged)):
        node.partition(f"slappart{number}")
        master.partition(f"slappart{number}", "started", **({"url": url} if url else {}))
    lines = node.instance(code=1).err.splitlines()
    summary = lines[lines.index(f"INFO {'=' * 80}") + 1 :]
    titles = [line for line in summary if line.startswith(("INFO Error", "INFO   slappart"))]
    assert titles[0] == "INFO Error while processing the following partitions:"
    assert titles[1].startswith("INFO   slappart1[default]: Failed to run buildout profile")
    assert titles[2] == "INFO Error with promises for the following partitions:"
    assert titles[3].startswith("INFO   slappart2[default]: Promise 'check' failed with output: ")
    assert titles[4:] == ["INFO   slappart3[default]: Promise 'site.py' failed with output: not this either"]


def test_check_62_a_plugin_says_how_often_it_is_looked_at(node: Machine, master: Script) -> None:
    place = node.partition()
    body = "def __init__(self, config):\n    super().__init__(config)\n    self.setPeriodicity(minute=1)\n"
    node.release(plugin(body + "def sense(self): self.logger.info('seen')"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    log, cache = (place / ".slapgrid/promise" / name for name in ("log/site.log", "cache/site"))
    card = json.loads(cache.read_text())
    for age, ran in ((5, False), (61, True)):
        before = log.read_text()
        then = card["timestamp"] - age
        cache.write_text(json.dumps({**card, "timestamp": then, "next_run_after": then + 60}))
        said = node.instance().err
        assert (log.read_text() != before) is ran
        assert ("1 promises didn't need to be checked." in said) is not ran


def test_check_64_a_promise_without_test_lets_an_instance_start(node: Machine, master: Script) -> None:
    """What it finds later, as an anomaly, is told, and is no failure of the pass."""
    place = node.partition()
    body = "def __init__(self, config):\n    super().__init__(config)\n    self.setTestLess()\n"
    node.release(plugin(body + "def sense(self): self.logger.error('odd')"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    result = place / ".slapgrid/promise/result/site.status.json"
    assert not result.exists()
    node.instance()
    assert json.loads(result.read_text())["result"]["type"] == "Anomaly Result"
    assert [told["message"] for told in master.told("softwareInstanceBang")] == ["Promise site is failing"]


def test_promises_run_as_the_owner_of_the_partition(node: Machine, master: Script) -> None:
    place: Path = node.partition()
    node.release(promised("id -u > uid"))
    master.partition("slappart0", "started")
    node.instance()
    assert int((place / "uid").read_text()) == node.owner
    assert node.owner != 0 or os.geteuid() != 0

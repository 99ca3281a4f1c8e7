"""Defects of the original node that are not kept (node spec, section 26)."""

import pytest
from tests.integration.node.test_format import shaped
from tests.integration.node.test_report import MOVEMENT
from tests.nodes import Machine, Script, runner


def test_a_report_that_was_accepted_is_no_error(node: Machine, master: Script) -> None:
    """26.6: found in the partition's own folder, it is not looked for in the machine's as well."""
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped")
    for folder in (place / "var/xml_report", node.instances / "var/xml_report/slappart0"):
        folder.mkdir(parents=True)
        (folder / "one").write_text(f"<consumption>{MOVEMENT}</consumption>")
    said = node.run("report").err
    assert "ERROR" not in said
    assert "Traceback" not in said
    assert master.told("useComputer")[0]["use_string"].count("<movement>") == 2
    assert not list(node.instances.glob("**/one"))


def test_a_retention_that_is_no_number_is_none(node: Machine, master: Script) -> None:
    """26.10."""
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped", filters={"retention_delay": "for ever"})
    assert "WARNING retention_delay 'for ever' is no number of days" in node.instance().err
    assert (place / ".slapos-retention-lock-delay").read_text() == "0.0"


def test_failing_while_up_to_date_is_told_and_ends_well(node: Machine, master: Script) -> None:
    """26.11 is kept: whoever reads exit codes is used to it."""
    node.partition()
    node.release(runner("test ! -e broken", "promise", "check"))
    master.partition("slappart0", "started", timestamp="1")
    node.instance()
    (node.instances / "slappart0/broken").touch()
    for _ in range(3):  # three in a row are an anomaly
        (node.instances / "slappart0/.slapgrid/promise/cache/check").unlink()
        master.calls()
        node.instance()
    assert "Promise 'check' failed" in master.told("softwareInstanceError")[0]["error_log"]


@pytest.mark.parametrize("devices", ["create_tun = true", "create_tun = false"])
def test_fewer_partitions_are_refused_in_plain_words(node: Machine, master: Script, devices: str) -> None:
    """26.18."""
    shaped(node, master, devices)
    node.run("format", "--now")
    node.cfg.write_text(node.cfg.read_text().replace("partition_amount = 3", "partition_amount = 2"))
    said = node.run("format", "--now", code=1).err
    assert "is lower than already configured (3), cannot continue" in said
    assert "IndexError" not in said

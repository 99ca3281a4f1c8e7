"""Rules of the firewall for partitions, and its daemons under supervisord (node spec, 8.14 and 24)."""

import json

import pytest
from tests.firewalls import Recorded
from tests.nodes import Machine, Script, eventually
from tests.serverprocess import SOURCES

OWN, PEER = "10.32.0.15", "10.32.0.16"


@pytest.fixture
def firewall(node: Machine, master: Script) -> Recorded:
    found = Recorded(node.root / "firewall")
    node.configure(master.url, *found.lines, "authorized_sources = 10.0.8.0/24", "  nonsense")
    master.answer("getHostingSubscriptionIpList", body=[("route_a", PEER), ("route_a", OWN), ("lo", "fd00::1")])
    node.partition()
    node.release()
    return found


def wanted(master: Script, state: str = "started", **filters: str) -> None:
    own = [("route_slappart0", OWN), ("lo", "127.0.0.1"), ("route_six", "fd00::2")]
    master.partition("slappart0", state, ip_list=own, full_ip_list=[], filters=filters)


def pairs(*texts: str) -> set[str]:
    return {f"rule ipv4 filter {chain} {text}" for chain in ("INPUT", "FORWARD") for text in texts}


ACCEPTED = pairs(
    f"0 -s {PEER} -d {OWN} -j ACCEPT",
    f"0 -s 10.0.8.0/24 -d {OWN} -j ACCEPT",
    f"1000 -d {OWN} -j REJECT",
    f"900 -d {OWN} -m state --state ESTABLISHED,RELATED -j REJECT",
)


def test_rules_are_added_once_changed_and_removed(node: Machine, master: Script, firewall: Recorded) -> None:
    wanted(master)
    said = node.instance().err
    assert "IP/Network address nonsense is not valid. ignored.." in said
    assert firewall.rules() == ACCEPTED
    assert firewall.calls()[-1] == "--reload"
    record = node.instances / "slappart0" / ".slapos-firewalld-rules"
    assert {rule.replace("--permanent --direct --add-rule", "rule") for rule in json.loads(record.read_text())} == (
        ACCEPTED
    )
    node.instance("--force")
    assert all("--query-rule" in call for call in firewall.calls())
    wanted(master, fw_authorized_sources="10.1.1.1")
    node.instance("--force")
    assert firewall.rules() - ACCEPTED == pairs(f"0 -s 10.1.1.1 -d {OWN} -j ACCEPT")
    wanted(master, fw_restricted_access="off", fw_rejected_sources="10.2.2.2 10.3.0.0/16")
    node.instance("--force")
    assert firewall.rules() == pairs(
        f"800 -s 10.2.2.2 -d {OWN} -m state --state ESTABLISHED,RELATED -j REJECT",
        f"900 -s 10.2.2.2 -d {OWN} -j REJECT",
        f"800 -s 10.3.0.0/16 -d {OWN} -m state --state ESTABLISHED,RELATED -j REJECT",
        f"900 -s 10.3.0.0/16 -d {OWN} -j REJECT",
        f"0 -s {PEER} -d {OWN} -j ACCEPT",
        f"0 -s 10.0.8.0/24 -d {OWN} -j ACCEPT",
    )
    wanted(master, "destroyed")
    node.instance()
    assert firewall.rules() == set()
    assert json.loads(record.read_text()) == []


def test_rules_that_got_lost_come_back_and_no_other_ones_are_touched(
    node: Machine, master: Script, firewall: Recorded
) -> None:
    wanted(master, "stopped")
    node.instance()
    firewall.lose()
    node.instance("--force")
    assert firewall.rules() == ACCEPTED
    record = node.instances / "slappart0" / ".slapos-firewalld-rules"
    record.write_text(json.dumps(["--permanent --direct --add-rule ipv4 filter INPUT 0 -j ACCEPT; id", 7]))
    firewall.calls()
    node.instance("--force")
    assert not [call for call in firewall.calls() if "--remove" in call or "id" in call.split()]


def test_a_firewall_that_refuses_fails_the_partition(node: Machine, master: Script, firewall: Recorded) -> None:
    wanted(master)
    text = node.cfg.read_text()
    node.cfg.write_text(text.replace("reload_config_cmd = ", "reload_config_cmd = false "))
    assert "reload_config_cmd false" in node.instance(code=1).err
    assert not (node.instances / "slappart0" / ".timestamp").exists()
    assert not (node.instances / "slappart0" / ".slapos-firewalld-rules").exists()
    node.cfg.write_text(text)
    node.instance()
    assert firewall.calls()[-1] == "--reload"
    node.cfg.write_text(text.replace("firewall_cmd = ", "firewall_cmd = /nowhere/"))
    assert "cannot be run" in node.instance("--force", code=1).err


def test_the_daemons_run_while_they_are_configured(node: Machine, master: Script) -> None:
    plain = node.cfg.read_text()
    section = [
        *("[firewall]", "firewall_executable = /bin/sleep 300", "dbus_executable = /bin/sleep 301"),
        *(f"log_file = {node.root}/firewall.log", f"dbus_log_file = {node.root}/dbus.log"),
    ]
    master.supply("http://release.example/none", "destroyed")
    node.cfg.write_text("\n".join([plain, *section, "testing = true", ""]))
    node.instance()
    assert "firewall:firewall" not in node.status()
    node.cfg.write_text("\n".join([plain, *section, ""]))
    node.instance()
    eventually(lambda: {name for name, state in node.status().items() if state == "RUNNING"} >= DAEMONS)
    pids = node.pids()
    node.instance()
    assert {name: node.pids()[name] for name in DAEMONS} == {name: pids[name] for name in DAEMONS}
    node.cfg.write_text(plain)
    node.instance()
    assert not DAEMONS & set(node.status())


def test_a_daemon_of_ours_is_restarted_when_rules_change(
    node: Machine, master: Script, firewall: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    lines = [line for line in node.cfg.read_text().splitlines() if not line.startswith("reload_config_cmd")]
    more = ("firewall_executable = /bin/sleep 300", f"log_file = {node.root}/firewall.log")
    node.cfg.write_text("\n".join([*lines, *more, ""]))
    master.supply("http://release.example/none", "destroyed")
    node.instance()
    eventually(lambda: "firewall:firewall" in node.pids())
    first = node.pids()["firewall:firewall"]
    wanted(master)
    node.instance()
    eventually(lambda: node.pids().get("firewall:firewall", first) != first)
    second = node.pids()["firewall:firewall"]
    node.instance("--force")
    assert node.pids()["firewall:firewall"] == second


DAEMONS = {"firewall:firewall", "dbus:dbus"}

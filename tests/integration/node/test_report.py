"""``slapos node report`` (checks 77 and 78) and what partitions report."""

import time
from pathlib import Path

from tests.nodes import Machine, Script, eventually, runner

from pilothouse.node import processes
from pilothouse.slap import tio

MOVEMENT = "<movement><resource>cpu</resource><quantity>2</quantity><price>0.0</price><VAT/></movement>"


def test_check_77_a_destroyed_instance_leaves_nothing(node: Machine, master: Script) -> None:
    place = node.partition()
    node.partition("slappart1")
    pki = node.root / "pki"
    pki.mkdir()
    node.configure(master.url, f"certificate_repository_path = {pki}")
    node.release(
        runner("(setsid sleep 4321 &)\nexec sleep 4321", "service", "a") + "\nmkdir -p deep/er; chmod 0 deep/er"
    )
    for name in ("slappart0", "slappart1"):
        master.partition(name, "started")
    node.instance()
    eventually(lambda: len(alive(place)) == 2)
    master.calls()
    node.run("report")
    assert master.calls() == ["getFullComputerInformation"]
    assert len(alive(place)) == 2

    master.partition("slappart0", "destroyed")
    assert "no process and no file of it is left" in node.run("report").err
    assert list(place.iterdir()) == []
    assert alive(place) == []
    assert master.calls() == [
        "getFullComputerInformation", "getComputerPartitionCertificate",
        "stoppedComputerPartition", "destroyedComputerPartition",
    ]  # fmt: skip
    assert sorted(path.name for path in pki.iterdir()) == ["slappart1.crt", "slappart1.key"]
    assert node.status()["slappart1:a-on-watch"] == "RUNNING"


def alive(place: Path) -> list[processes.Process]:
    found = []
    for one in processes.everything():
        try:
            where = str(Path(f"/proc/{one.pid}/cwd").readlink())
        except OSError:
            continue
        if where == str(place) and one.state != "Z":
            found.append(one)
    return found


def test_check_78_a_retention_is_waited_for(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped", filters={"retention_delay": "1"})
    node.instance()
    master.partition("slappart0", "destroyed")
    for _ in range(2):
        assert "because of retention lock" in node.run("report").err
        assert (place / "worked").exists()
    date = place / ".slapos-retention-lock-date"
    assert float(date.read_text()) > time.time() + 86000
    date.write_text(str(time.time() - 1))
    node.run("report")
    assert list(place.iterdir()) == []


def test_check_78_scripts_before_the_end_are_waited_for(node: Machine, master: Script) -> None:
    place = node.partition()
    node.configure(master.url, "manager_list = prerm")
    node.release(runner("id -u > uid\nwhile [ ! -e go ]; do sleep 0.05; done", "prerm", "save"))
    master.partition("slappart0", "stopped", filters={"retention_delay": str(0.1 / 86400)})
    node.instance()
    master.partition("slappart0", "destroyed")
    assert "because of retention lock" in node.run("report").err
    assert "slappart0-prerm:save" not in node.status()
    time.sleep(0.1)
    for _ in range(2):
        assert "wait until they finish" in node.run("report").err
        assert node.status()["slappart0-prerm:save"] == "RUNNING"
    assert (place / ".slapos-report-wait-service-list").read_text() == "slappart0-prerm:save\n"
    assert not (node.instances / "etc/supervisord.conf.d/slappart0.conf").exists()
    assert (place / ".slappart0-prerm_save.log").exists()
    eventually(lambda: (place / "uid").exists() and (place / "uid").read_text().strip() == str(node.owner))
    (place / "go").touch()
    eventually(lambda: node.status()["slappart0-prerm:save"] == "EXITED")
    assert "destroyedComputerPartition" not in master.calls()
    node.run("report")
    assert list(place.iterdir()) == []
    assert "slappart0-prerm:save" not in node.status()
    assert "destroyedComputerPartition" in master.calls()


def test_managers_that_are_not_there_are_named(node: Machine, master: Script) -> None:
    node.configure(master.url, "manager_list = devperm, prerm", "[firewall]")
    master._serve()
    for word in ("instance", "software", "report"):
        said = node.run(word).err
        assert "WARNING The manager devperm is not there yet" in said
        assert "WARNING The section [firewall]" in said
    node.cfg.write_text(node.cfg.read_text().replace("devperm", "unheard"))
    assert "'unheard', which is no manager" in node.run("report", code=1).err


def test_consumption_and_journals_are_sent_once(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release()
    master.partition("slappart0", "stopped")
    (place / "var/xml_report").mkdir(parents=True)
    (place / "etc/report").mkdir(parents=True)
    for folder in ("var", "var/xml_report"):
        node.give(place / folder)
    script = place / "etc/report/cpu"
    script.write_text(f"#!/bin/sh\necho '<consumption>{MOVEMENT}</consumption>' > $1\n")
    script.chmod(0o755)
    bad = place / "var/xml_report/bad"
    bad.write_text("<consumption/>")
    own = node.instances / "var/xml_report/COMP-1"
    own.mkdir(parents=True)
    journal = (
        '<journal><transaction type="t"><start_date/><stop_date/><reference/><currency/><payment_mode/>'
        f'<category/><arrow type="a"/>{MOVEMENT}</transaction></journal>'
    )
    (own / "good").write_text(journal)
    (own / "bad").write_text("<journal/>")
    said = node.run("report")
    computer, final = (told["use_string"] for told in master.told("useComputer"))
    (movement,) = tio.loads(final)[0].movements
    assert (movement.reference, movement.resource, movement.quantity) == ("slappart0", "cpu", 2.0)
    assert computer == journal
    assert [path.name for path in (place / "var/xml_report").iterdir()] == ["bad"]
    assert [path.name for path in own.iterdir()] == ["bad"]
    assert f"WARNING: The XML file {bad} generated by slapreport is not valid" in said.err
    script.write_text("#!/bin/sh\nexit 4\n")
    master.calls()
    node.run("report", code=1)
    assert master.told("softwareInstanceError")[0]["error_log"] == "Script 'cpu' failed."


def test_what_cannot_be_destroyed_is_told_and_kept(node: Machine, master: Script) -> None:
    place = node.partition()
    node.release("mkdir sbin; printf '#!/bin/sh\\necho no; exit 1\\n' > sbin/destroy; chmod 755 sbin/destroy")
    master.partition("slappart0", "stopped")
    node.instance()
    master.partition("slappart0", "destroyed")
    node.run("report", code=1)
    assert (place / "sbin/destroy").exists()
    assert "destroyedComputerPartition" not in master.calls(forget=False)
    assert "no\n" in master.told("softwareInstanceError")[0]["error_log"]

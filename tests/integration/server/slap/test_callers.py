"""A master that asks for a login: who may speak for which partition, and what the audit log keeps."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from tests.slapmaster import Master, described, loaded, marshalled

from pilothouse.identity.caller import Caller
from pilothouse.store.schema import audit

ANNA = Caller(kind="user", name="anna", roles=frozenset({"operator"}), how="token")
EYE = Caller(kind="user", name="eye", roles=frozenset({"viewer"}), how="token")


def node_caller(name: str) -> Caller:
    return Caller(kind="node", name=name, how="certificate")


def instance_caller(guid: str) -> Caller:
    return Caller(kind="instance", name=guid, how="certificate")


@pytest.fixture(scope="module")
def callers() -> dict[str, Caller]:
    return {"anna": ANNA, "eye": EYE, "N1": node_caller("N1"), "N2": node_caller("N2")}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory, callers: dict[str, Caller]) -> Iterator[Master]:
    running = Master(tmp_path_factory.mktemp("guarded"), callers=callers).start()
    for name in ("N1", "N2"):
        xml = marshalled(described(name, "p0", "p1", "p2"))
        assert running.post("loadComputerConfigurationFromXML", by(name), xml=xml).text == "done"
        assert running.request(f"root-{name}", by("anna"), filter_xml={"computer_guid": name}).status_code == 200
    yield running
    running.stop()


def by(name: str, place: str = "") -> dict[str, str]:
    computer, _, partition = place.partition("/")
    header = f"X-SlapPartition computer_id={computer}, computer_partition_id={partition}"
    return {"X-Test-Caller": name, **({"Authorization": header} if place else {})}


def refusals(master: Master) -> list[tuple[str, str]]:
    rows: Any = master.read(
        lambda connection: connection.execute(
            select(audit.c.caller, audit.c.subject).where(audit.c.action.like("refused:%")).order_by(audit.c.id)
        ).all()
    )
    return [(row[0], row[1]) for row in rows]


def test_nobody_gets_in_without_a_login(master: Master) -> None:
    answer = master.get("getFullComputerInformation", computer_id="N1")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    refused = master.call("allDocs.v0.instance_tree_list")
    assert (refused.status_code, refused.json()["type"]) == (401, "Unauthorized")
    assert master.get("hateoas/").status_code == 401
    assert master.get("getHateoasUrl").status_code == 200
    assert master.get("slapos.openapi.json").status_code == 200


def test_a_node_requests_for_its_own_partitions(master: Master) -> None:
    child = master.request("child", by("N1", "N1/p0"), filter_xml={"computer_guid": "N1"})
    assert loaded(child).get("slap_computer_partition_id") == "p1"


def test_a_node_does_not_speak_for_another(master: Master) -> None:  # the last of the faults
    before = len(refusals(master))
    answer = master.request("stolen", by("N1", "N2/p0"), filter_xml={"computer_guid": "N1"})
    assert answer.status_code == 403
    ids = {"computer_id": "N2", "computer_partition_id": "p0"}
    assert master.post("startedComputerPartition", by("N1"), **ids).status_code == 403
    own = {"computer_id": "N1", "computer_partition_id": "p0"}
    assert master.post("startedComputerPartition", by("N1", "N2/p0"), **own).status_code == 403
    assert master.get("getFullComputerInformation", by("N1"), computer_id="N2").status_code == 403
    kept = refusals(master)[before:]
    assert len(kept) == 4
    assert {name for name, _ in kept} == {"N1"}
    assert all("N2" in subject or "SOFTINST" in subject for _, subject in kept)


def test_a_kept_document_is_for_whoever_may_read_it(master: Master) -> None:
    for _ in range(2):
        assert master.get("getFullComputerInformation", by("N2"), computer_id="N2").status_code == 200
    assert master.get("getFullComputerInformation", by("N1"), computer_id="N2").status_code == 403
    assert master.get("getFullComputerInformation", by("eye"), computer_id="N2").status_code == 200


def test_an_instance_speaks_for_itself(master: Master, callers: dict[str, Caller]) -> None:
    found = master.get(
        "registerComputerPartition", by("N2"), computer_reference="N2", computer_partition_reference="p0"
    )
    guid = loaded(found).get("_instance_guid")
    assert guid.startswith("SOFTINST-")
    callers["instance"] = instance_caller(guid)
    child = master.request("own", by("instance", "N2/p0"), filter_xml={"computer_guid": "N2"})
    assert loaded(child).get("slap_computer_partition_id") == "p1"
    assert master.request("other", by("instance", "N2/p1"), filter_xml={"computer_guid": "N2"}).status_code == 403
    for computer, partition, status in (("N2", "p0", 200), ("N2", "p1", 200), ("N2", "p2", 404), ("N1", "p0", 403)):
        asked = {"computer_reference": computer, "computer_partition_reference": partition}
        assert master.get("registerComputerPartition", by("instance"), **asked).status_code == status
    place = {"computer_id": "N2", "computer_partition_id": "p0", "connection_xml": marshalled({"a": "b"})}
    assert master.post("setComputerPartitionConnectionXml", by("instance", "N2/p0"), **place).text == "done"
    assert master.post("setComputerPartitionConnectionXml", by("instance", "N2/p1"), **place).status_code == 403


def test_who_only_looks_changes_nothing(master: Master) -> None:
    assert master.request("eyes", by("eye"), filter_xml={"computer_guid": "N1"}).status_code == 403
    assert master.post("supplySupply", by("eye"), url="u", computer_id="N1", state="available").status_code == 403
    assert master.post("generateComputerCertificate", by("eye"), computer_id="N1").status_code == 403


def test_a_node_gets_the_certificates_of_its_instances_only(master: Master) -> None:
    own = {"computer_id": "N1", "computer_partition_id": "p0"}
    assert set(loaded(master.get("getComputerPartitionCertificate", by("N1"), **own))) == {"certificate", "key"}
    others = {"computer_id": "N2", "computer_partition_id": "p0"}
    assert master.get("getComputerPartitionCertificate", by("N1"), **others).status_code == 403

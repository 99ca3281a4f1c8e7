"""Group R of the checks: the JSON-RPC methods."""

from typing import Any

import httpx
import pytest
from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master, loaded

from pilothouse.server.api.slap.jsonrpc import METHODS

URL = "http://sr.example/a.cfg"


def wanted(title: str, computer: str, **changes: Any) -> dict[str, Any]:
    return {
        "title": title,
        "software_release_uri": URL,
        "software_type": "default",
        "sla_parameters": {"computer_guid": computer},
        **changes,
    }


def post(master: Master, title: str, computer: str, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    answer = master.call("post.v0.software_instance", wanted(title, computer, **changes), headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def formatted(master: Master, computer: str, *partitions: str) -> None:
    slots = [
        {
            "partition_id": name,
            "ip_list": [{"ip-address": f"10.1.0.{number}", "netmask": "255.0.0.0", "network-interface": "tap"}],
        }
        for number, name in enumerate(partitions)
    ]
    body = {"computer_guid": computer, "compute_partition_list": slots}
    assert success(master.call("put.v0.compute_node_format", body)) == "Formatted"


def success(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["type"] == "success"
    return str(body["title"])


def refusal(answer: httpx.Response, status: int = 403) -> str:
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert set(body) == {"status", "type", "title"}
    return str(body["title"])


def test_a_request_is_answered_with_the_whole_document(master: Master, title: str) -> None:  # R02
    computer = f"json-{title}"
    formatted(master, computer, "p0")
    document = post(master, title, computer, parameters={"a": "b", "n": 1})
    assert isinstance(document.pop("processing_timestamp"), int)
    assert document == {
        "title": title,
        "instance_guid": f"{title}______0",
        "software_release_uri": URL,
        "software_type": "default",
        "state": "started",
        "connection_parameters": {},
        "parameters": {"a": "b", "n": "1"},
        "shared": False,
        "root_instance_title": title,
        "ip_list": [["tap", "10.1.0.0"]],
        "full_ip_list": [],
        "sla_parameters": {},
        "computer_guid": computer,
        "compute_partition_id": "p0",
        "access_status_message": "",
    }


def test_what_cannot_be_placed_is_refused(master: Master, node: Node, title: str) -> None:  # R03
    answer = master.call("post.v0.software_instance", wanted(title, node(0)))
    assert refusal(answer) == f"No free computer partition found for: {title}"
    assert answer.json()["type"] == "Forbidden"


def test_an_instance_is_read_by_both_names(master: Master, node: Node, title: str) -> None:  # R04
    computer = node(2)
    made = post(master, title, computer, state="stopped")
    guid = master.call("get.v0.software_instance", {"instance_guid": made["instance_guid"]}).json()
    place = {"computer_guid": computer, "compute_partition_id": "part0"}
    assert guid == master.call("get.v0.compute_partition", place).json() == made
    free = {"computer_guid": computer, "compute_partition_id": "part1"}
    assert refusal(master.call("get.v0.compute_partition", free)) == "No instance on partition part1 found."
    by = "get.v0.software_instance"
    assert refusal(master.call(by, {"instance_guid": "foo"})) == "instance_guid foo not handled."
    assert refusal(master.call(by, {"instance_guid": "x______0"})) == "No software instance x______0 found."
    assert refusal(master.call(by, {"instance_guid": "x______1"})) == "No shared instance x______1 found."


def test_a_node_lists_its_occupants(master: Master, node: Node, title: str) -> None:  # R05
    computer = node(2)
    made = post(master, title, computer)
    listed = master.call("allDocs.v0.compute_node_instance_list", {"computer_guid": computer}).json()
    assert listed == {
        "result_list": [
            {
                "title": title,
                "instance_guid": made["instance_guid"],
                "state": "started",
                "compute_partition_id": "part0",
                "software_release_uri": URL,
            }
        ]
    }
    unknown = master.call("allDocs.v0.compute_node_instance_list", {"computer_guid": "nobody"})
    assert refusal(unknown) == "nobody is not registered."


def test_connection_parameters_are_published(master: Master, node: Node, title: str) -> None:  # R07
    guid = post(master, title, node(1))["instance_guid"]
    body = {"instance_guid": guid, "connection_parameter_dict": {"u": "v", "n": 1}}
    assert success(master.call("put.v0.software_instance_connection_parameter", body)) == "Updated"
    read = master.call("get.v0.software_instance", {"instance_guid": guid}).json()
    assert read["connection_parameters"] == {"u": "v", "n": "1"}


def test_shared_instances(master: Master, node: Node, title: str) -> None:  # R08
    computer = node(1)
    host = post(master, title, computer)["instance_guid"]
    made = post(master, f"{title}-s", computer, shared=True, state="stopped", parameters={"d": "1"})
    guid = f"{title}-s______1"
    assert (made["instance_guid"], made["state"], made["processing_timestamp"]) == (guid, "started", 0)
    assert made["ip_list"] == [["tap0", "10.0.0.0"]]
    listed = master.call("allDocs.v0.instance_node_instance_list", {"instance_guid": host}).json()["result_list"]
    assert listed == [
        {
            "title": f"{title}-s",
            "instance_guid": guid,
            "software_type": "default",
            "state": "started",
            "parameters": {"d": "1"},
            "compute_partition_id": "part0",
        }
    ]
    body = {"instance_guid": guid, "connection_parameter_dict": {"u": "v"}}
    assert success(master.call("put.v0.software_instance_connection_parameter", body)) == "Updated"
    read = master.call("get.v0.software_instance", {"instance_guid": guid}).json()
    assert (read["connection_parameters"], read["ip_list"]) == ({"u": "v"}, [])
    assert post(master, f"{title}-s", computer, shared=True)["connection_parameters"] == {"u": "v"}


def test_a_partition_requests_for_its_tree(master: Master, node: Node, title: str) -> None:  # R09
    computer = node(2)
    post(master, title, computer)
    header = {"Authorization": f"X-SlapPartition computer_id={computer}, computer_partition_id=part0"}
    child = post(master, "child", computer, header)
    assert child["instance_guid"] == f"child___{title}___0"
    shared = post(master, "shared", computer, header, shared=True)
    assert shared["instance_guid"] == f"shared___{title}___1"
    nobody = {"Authorization": f"X-SlapPartition computer_id={computer}, computer_partition_id=nobody"}
    answer = master.call("post.v0.software_instance", wanted("other", computer), nobody)
    expected = f"No partition matching the authorization header: ({computer} / nobody)"
    assert refusal(answer, 400) == expected


def test_reports_end_an_instance(master: Master, node: Node, title: str) -> None:  # R10
    guid = post(master, title, node(1))["instance_guid"]
    report = "put.v0.software_instance_reported_state"
    for state, said in (("started", "Ignored"), ("stopped", "Ignored"), ("destroyed", "Destroyed")):
        assert success(master.call(report, {"instance_guid": guid, "reported_state": state})) == said
    assert refusal(master.call(report, {"instance_guid": guid, "reported_state": "destroyed"}))
    assert refusal(master.call("get.v0.software_instance", {"instance_guid": guid}))


def test_a_root_with_children_is_kept(master: Master, node: Node, title: str) -> None:  # 4.5
    computer = node(2)
    guid = post(master, title, computer)["instance_guid"]
    header = {"Authorization": f"X-SlapPartition computer_id={computer}, computer_partition_id=part0"}
    child = post(master, f"{title}-c", computer, header)["instance_guid"]
    body = {"instance_guid": guid, "reported_state": "destroyed"}
    said = refusal(master.call("put.v0.software_instance_reported_state", body))
    assert said == f"Not destroying yet because this partition has child partitions: {title}-c"
    assert master.call("get.v0.software_instance", {"instance_guid": child}).json()["state"] == "destroyed"


def test_bang_and_title_are_for_instances_with_a_partition(
    master: Master, node: Node, title: str
) -> None:  # R12, R13, X26
    computer = node(2)
    made = post(master, title, computer)
    header = {"Authorization": f"X-SlapPartition computer_id={computer}, computer_partition_id=part0"}
    post(master, f"{title}-c", computer, header)
    shared = post(master, f"{title}-s", computer, shared=True)["instance_guid"]
    guid = made["instance_guid"]
    bang = "put.v0.software_instance_bang"
    assert success(master.call(bang, {"instance_guid": guid, "message": "m"})) == "Bang handled"
    rename = "put.v0.software_instance_title"
    assert success(master.call(rename, {"instance_guid": guid, "title": f"{title}-n"})) == "Renamed"
    assert refusal(master.call("get.v0.software_instance", {"instance_guid": guid}))
    assert master.call("get.v0.software_instance", {"instance_guid": f"{title}-n______0"}).status_code == 200
    child = master.call("get.v0.software_instance", {"instance_guid": f"{title}-c___{title}-n___0"}).json()
    assert child["root_instance_title"] == f"{title}-n"
    assert refusal(master.call(bang, {"instance_guid": shared, "message": "m"})) == "NotImplemented"
    assert refusal(master.call(rename, {"instance_guid": shared, "title": "x"})) == "NotImplemented"


def test_trees_are_listed(master: Master, node: Node, title: str) -> None:  # R14
    computer = node(1)
    made = post(master, title, computer)
    post(master, f"{title}-s", computer, shared=True)
    assert master.call("get.v0.instance_tree", {"title": title}).json() == made
    assert master.call("get.v0.instance_tree", {"title": f"{title}-s"}).json()["shared"] is True
    listed = [entry["title"] for entry in master.call("allDocs.v0.instance_tree_list").json()["result_list"]]
    assert {title, f"{title}-s"} <= set(listed)
    assert refusal(master.call("get.v0.instance_tree", {"title": "nobody"})) == "No instance tree nobody found."


def test_formatting_replaces_what_is_not_listed(master: Master, title: str) -> None:  # R15
    computer = f"json-{title}"
    formatted(master, computer, "p0", "p1")
    first = post(master, title, computer)["instance_guid"]
    second = post(master, f"{title}-2", computer)["instance_guid"]
    formatted(master, computer, "p2", "p1")
    assert refusal(master.call("get.v0.software_instance", {"instance_guid": first}))
    moved = master.call("get.v0.software_instance", {"instance_guid": second}).json()
    assert moved["ip_list"] == [["tap", "10.1.0.1"]]
    assert post(master, f"{title}-3", computer)["compute_partition_id"] == "p2"


def test_only_json_is_spoken(master: Master) -> None:  # R17
    path = "slapos.get.v0.hateoas_url"
    assert master.http.get(path).status_code == 405
    assert refusal(master.http.post(path, content=b"{}"), 415)
    kind = {"Content-Type": "application/json"}
    assert refusal(master.http.post(path, content=b"{", headers=kind), 400)
    assert refusal(master.http.post(path, content=b"{}", headers={**kind, "Accept": "text/html"}), 406)
    assert master.http.post("slapos.get.v0.nothing", content=b"{}", headers=kind).status_code == 404
    assert master.http.post(path, content=b"{}", headers=kind).json() == {"hateoas_url": f"{master.url}hateoas/"}


def test_what_the_schema_forbids_is_said_as_the_validator_does(master: Master) -> None:  # 4.1
    answer = master.call("allDocs.v0.compute_node_instance_list", {})
    assert refusal(answer, 400) == "'computer_guid' is a required property"
    assert answer.json()["type"] == "Bad Request"


def test_nodes_speak_json(master: Master, node: Node, title: str) -> None:  # R18, R20, B01, B03, B04, B05
    computer = node(1)
    guid = post(master, title, computer)["instance_guid"]
    named = {"computer_guid": computer}
    release = {**named, "software_release_uri": URL}
    assert success(master.call("post.v0.software_installation", release)) == f"Supplied {URL} to be available"
    report = "put.v0.software_installation_reported_state"
    assert success(master.call(report, {**release, "reported_state": "building"})) == "Ignored"
    assert success(master.call("put.v0.software_installation_error", {**release, "message": "m"})) == "Ignored"
    assert refusal(master.call(report, {**release, "reported_state": "destroyed"}))
    listed = "allDocs.v0.compute_node_software_installation_list"
    expected = [{"software_release_uri": URL, "state": "available"}]
    assert master.call(listed, named).json() == {"result_list": expected}
    success(master.call("post.v0.software_installation", {**release, "state": "destroyed"}))
    assert success(master.call(report, {**release, "reported_state": "destroyed"})) == "Destroyed"
    assert success(master.call("put.v0.software_instance_error", {"instance_guid": guid, "message": "m"})) == "Ignored"
    certificate = master.call("get.v0.software_instance_certificate", {"instance_guid": guid}).json()
    assert set(certificate) == {"key", "certificate"}
    assert set(master.call("post.v0.compute_node_certificate", named).json()) == {"key", "certificate"}
    assert success(master.call("remove.v0.compute_node_certificate", named)) == "Ignored"
    assert success(master.call("put.v0.compute_node_bang", {**named, "message": "m"})) == "Ignored"
    assert "text" in master.call("get.v0.compute_node_status", named).json()
    nodes = master.call("allDocs.WIP.compute_node_list").json()["result_list"]
    assert {"computer_guid": computer} in nodes  # R20


def test_both_apis_see_the_same(master: Master, node: Node, title: str) -> None:  # R19
    computer = node(2)
    master.request(title, filter_xml={"computer_guid": computer}, partition_parameter_xml={"a": 1})
    post(master, f"{title}-j", computer, parameters={"b": 2})
    classic = master.call("get.v0.software_instance", {"instance_guid": f"{title}______0"}).json()
    assert (classic["title"], classic["parameters"]) == (title, {"a": "1"})
    place = {"computer_reference": computer, "computer_partition_reference": "part1"}
    parameters = loaded(master.get("registerComputerPartition", **place)).get("_parameter_dict")
    assert (parameters["instance_title"], parameters["b"]) == (f"{title}-j", "2")


@pytest.mark.parametrize("method", METHODS)
def test_no_method_takes_what_it_does_not_know(master: Master, method: str) -> None:
    answer = master.http.post(method, json={"no_such_field": 1})
    assert answer.status_code == 400
    assert refusal(answer, 400)


def test_the_description_is_served(master: Master) -> None:  # 4.1
    described = master.get("slapos.openapi.json").json()
    assert described["info"]["title"] == "slapos master api"
    assert "/slapos.post.v0.software_instance" in described["paths"]

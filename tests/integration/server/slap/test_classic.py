"""Group W of the checks, and the defects of the original that are none here (table X)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master, described, loaded, marshalled

from pilothouse.server.api.slap.classic import PATHS
from pilothouse.server.api.slap.classic_instances import REQUEST_FIELDS

URL = "http://sr.example/a.cfg"
MISSING: dict[str, tuple[str, dict[str, str]]] = {
    "getFullComputerInformation": ("GET", {"computer_id": "c"}),
    "registerComputerPartition": ("GET", {"computer_reference": "c", "computer_partition_reference": "p"}),
    "loadComputerConfigurationFromXML": ("POST", {"xml": marshalled({})}),
    "supplySupply": ("POST", {"url": URL, "computer_id": "c", "state": "available"}),
    "setComputerPartitionConnectionXml": (
        "POST",
        {"computer_id": "c", "computer_partition_id": "p", "connection_xml": marshalled({})},
    ),
    "softwareInstanceError": ("POST", {"computer_id": "c", "computer_partition_id": "p", "error_log": ""}),
    "softwareInstanceBang": ("POST", {"computer_id": "c", "computer_partition_id": "p", "message": ""}),
    "softwareInstanceRename": ("POST", {"computer_id": "c", "computer_partition_id": "p", "new_name": "n"}),
    "softwareReleaseError": ("POST", {"url": URL, "computer_id": "c", "error_log": ""}),
    "computerBang": ("POST", {"computer_id": "c", "message": ""}),
    "getComputerPartitionCertificate": ("GET", {"computer_id": "c", "computer_partition_id": "p"}),
    "requestComputerPartition": (
        "POST",
        {
            "software_release": URL,
            "software_type": "",
            "partition_reference": "t",
            "state": marshalled(None),
        },
    ),
}


def slot(master: Master, computer: str, partition: str = "part0") -> dict[str, Any]:
    answer = master.get(
        "registerComputerPartition", computer_reference=computer, computer_partition_reference=partition
    )
    return dict(loaded(answer).attributes)


def on(computer: str, **more: str) -> dict[str, Any]:
    return {"computer_guid": computer, **more}


def test_a_request_is_answered_with_the_documented_object(master: Master, node: Node, title: str) -> None:  # W01
    computer = node(1)
    answer = loaded(master.request(title, filter_xml=on(computer), partition_parameter_xml={"a": 1}))
    assert answer.kind == "SoftwareInstance"
    assert answer.arguments == ()
    assert set(answer.attributes) == {
        "_connection_dict", "_instance_guid", "_parameter_dict", "_requested_state", "connection_xml", "ip_list",
        "slap_computer_id", "slap_computer_partition_id", "slap_server_url", "slap_software_release_url",
        "slap_software_type",
    }  # fmt: skip
    assert answer.get("ip_list") == [("tap0", "10.0.0.0")]
    parameters = answer.get("_parameter_dict")
    assert parameters["a"] == "1"
    assert float(parameters["timestamp"]) > 0


def test_both_paths_of_a_node_give_the_same_bytes(master: Master, node: Node, title: str) -> None:  # W03
    computer = node(1)
    master.request(title, filter_xml=on(computer))
    full = master.get("getFullComputerInformation", computer_id=computer)
    short = master.get("getComputerInformation", computer_id=computer)
    assert full.content == short.content
    assert loaded(full).kind == "Computer"


def test_a_partition_is_the_documented_object(master: Master, node: Node) -> None:  # W04, A03
    computer = node(1)
    free = slot(master, computer)
    assert (free["_requested_state"], free["_need_modification"]) == ("destroyed", 0)
    assert free["_instance_guid"] == f"{computer}-part0"
    assert "_parameter_dict" not in free


def test_markup_in_parameters_is_escaped_twice(master: Master, node: Node, title: str) -> None:  # W05
    computer = node(1)
    answer = master.request(title, filter_xml=on(computer), partition_parameter_xml={"k": "a&b <c>"})
    assert b"<string>a&amp;amp;b &amp;lt;c&amp;gt;</string>" in answer.content
    assert loaded(answer).get("_parameter_dict")["k"] == "a&b <c>"


def test_what_other_writers_send_is_read(master: Master, node: Node, title: str) -> None:  # W06
    computer = node(1)
    sent = b"""<marshal>
      <dictionary id="x"><unicode>a</unicode><long>5</long><string>b</string><list id="l"/>
      <string>c</string><reference id="l"/></dictionary></marshal>"""
    parameters = loaded(master.request(title, filter_xml=on(computer), partition_parameter_xml=sent)).get(
        "_parameter_dict"
    )
    assert (parameters["a"], parameters["b"], parameters["c"]) == ("5", "[]", "[]")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"partition_parameter_xml": b"<marshal><dictionary>"}, "partition_parameter_xml: line 1"),
        ({"partition_parameter_xml": b"no XML"}, "partition_parameter_xml: line 1, column 1"),
        ({"partition_parameter_xml": [1]}, "partition_parameter_xml holds list"),
        ({"filter_xml": "text"}, "filter_xml holds str"),
        ({"shared_xml": "yes"}, "shared_xml holds str"),
        ({"state": "sleeping"}, "allowed: started, stopped, destroyed, none"),
        ({"partition_reference": ""}, "partition_reference is empty"),
        ({"partition_parameter_xml": {"a": "\x01"[:0] + "b"}, "strange": "1"}, "'strange' is unknown here"),
        ({"partition_parameter_xml": b'<!DOCTYPE m [<!ENTITY a "b">]><marshal/>'}, "DTD"),
    ],
)
def test_malformed_requests_say_where_and_take_nothing(
    master: Master, node: Node, title: str, changes: dict[str, Any], said: str
) -> None:  # W08, X12, X13, X14
    computer = node(1)
    answer = master.request(title, **{"filter_xml": on(computer), **changes})
    assert answer.status_code == 400
    assert said in answer.text
    assert slot(master, computer)["_requested_state"] == "destroyed"


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, (_, fields) in MISSING.items() for field in fields]
)
def test_each_mandatory_field_is_missed(master: Master, path: str, field: str) -> None:  # W09
    verb, fields = MISSING[path]
    left = {name: value for name, value in fields.items() if name != field}
    answer = master.get(path, **left) if verb == "GET" else master.post(path, **left)
    assert answer.status_code == 400
    assert field in answer.text


def test_verbs_and_paths_are_told_apart(master: Master) -> None:  # W10
    for path, known in PATHS.items():
        wrong = master.get(path) if known.verb == "POST" else master.post(path)
        assert wrong.status_code == 405, path
        assert known.verb in wrong.headers["allow"]
    assert master.get("requestComputerPartition").status_code == 405
    assert master.get("noSuchPath").status_code == 404
    assert master.http.options("getRunId").headers["allow"] == "GET, HEAD, OPTIONS"
    head = master.http.head("getRunId")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "32")


def test_what_cannot_be_placed_is_not_found(master: Master, node: Node, title: str) -> None:  # W11
    computer = node(0)
    assert master.request(title, filter_xml=on(computer)).status_code == 404
    assert master.request(title, filter_xml=on(computer), shared_xml=True).status_code == 404


@pytest.mark.parametrize("by", ["form", "header", "other case"])
def test_a_partition_requests_for_its_tree(master: Master, node: Node, title: str, by: str) -> None:  # W13, W14, W16
    computer = node(2)
    master.request(title, filter_xml=on(computer))
    header = {
        "form": "Basic abc",
        "header": f"X-SlapPartition computer_id={computer}, computer_partition_id=part0",
        "other case": f"x-slappartition computer_id={computer},computer_partition_id=part0",
    }[by]
    ids = {"computer_id": computer, "computer_partition_id": "part0"} if by == "form" else {}
    headers = {"Authorization": header}
    assert master.request(f"{title}-child", headers, filter_xml=on(computer), **ids).status_code == 200
    child = slot(master, computer, "part1")["_parameter_dict"]
    assert (child["root_instance_title"], child["instance_title"]) == (title, f"{title}-child")


def test_other_schemes_name_nobody(master: Master, node: Node, title: str) -> None:  # W16
    computer = node(2)
    master.request(title, filter_xml=on(computer))
    header = {"Authorization": f"Other computer_id={computer}, computer_partition_id=part0"}
    master.request(f"{title}-own", header, filter_xml=on(computer))
    assert slot(master, computer, "part1")["_parameter_dict"]["root_instance_title"] == f"{title}-own"


@pytest.mark.parametrize(("partition", "named"), [(", computer_partition_id=nobody", "nobody"), ("", "None")])
def test_an_unknown_header_allocates_nothing(
    master: Master, node: Node, title: str, partition: str, named: str
) -> None:  # W15
    computer = node(1)
    header = {"Authorization": f"X-SlapPartition computer_id={computer}{partition}"}
    answer = master.request(title, header, filter_xml=on(computer))
    assert answer.status_code == 400
    assert answer.text == f"No partition matching the authorization header: ({computer} / {named})"
    assert slot(master, computer)["_requested_state"] == "destroyed"


def test_an_instance_has_a_certificate(master: Master, node: Node, title: str) -> None:  # W18, X16
    computer = node(1)
    master.request(title, filter_xml=on(computer))
    answer = master.get("getComputerPartitionCertificate", computer_id=computer, computer_partition_id="part0")
    pair = loaded(answer)
    assert set(pair) == {"certificate", "key"}
    assert "-----BEGIN CERTIFICATE-----" in pair["certificate"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_server_knows_itself(master: Master, node: Node, title: str) -> None:  # W19
    computer = node(1)
    run = master.get("getRunId").text
    assert len(run) == 32
    assert run == master.get("getRunId").text
    answer = master.request(title, filter_xml=on(computer, master_url=master.url))
    assert loaded(answer).get("slap_computer_id") == computer


def test_an_unlisted_master_is_not_asked(master: Master, node: Node, title: str) -> None:  # W20
    computer = node(1)
    answer = master.request(title, filter_xml=on(computer, master_url="http://other.example/"))
    assert answer.status_code == 404
    assert answer.text == "External SlapOS Master URL http://other.example/ is not listed in multimaster list."
    assert slot(master, computer)["_requested_state"] == "destroyed"


def test_the_front_leads_to_the_pages(master: Master) -> None:  # W21
    answer = master.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, f"{master.url}ui/")


def test_optional_fields_have_defaults(master: Master, node: Node, title: str) -> None:  # X06
    node(1)
    form = {"software_release": URL, "software_type": "", "partition_reference": title, "state": marshalled(None)}
    assert master.post("requestComputerPartition", **form).status_code in (200, 404)
    assert set(REQUEST_FIELDS) >= set(form)


def test_hateoas_is_found(master: Master) -> None:  # X01
    answer = master.get("getHateoasUrl")
    assert answer.text == f"{master.url}hateoas/"
    assert answer.headers["cache-control"] == "max-age=3600"


def test_unknown_nodes_and_partitions_are_not_found(master: Master, node: Node) -> None:  # X02, X03
    computer = node(1)
    assert master.get("getFullComputerInformation", computer_id="nobody").status_code == 404
    known = {"computer_reference": computer, "computer_partition_reference": "nobody"}
    assert master.get("registerComputerPartition", **known).status_code == 404


def test_the_answer_tells_the_stored_state(master: Master, node: Node, title: str) -> None:  # X04
    computer = node(1)
    master.request(title, filter_xml=on(computer), state="stopped")
    assert loaded(master.request(title, filter_xml=on(computer))).get("_requested_state") == "stopped"


def test_addresses_stay_with_their_node(master: Master, node: Node, title: str) -> None:  # X10
    node(1)
    other = described("elsewhere", "part0")
    other["partition_list"][0]["address_list"] = [{"addr": "fd00::7", "netmask": ""}]
    assert master.post("loadComputerConfigurationFromXML", xml=marshalled(other)).text == "done"
    answer = loaded(master.request(title, filter_xml=on("elsewhere")))
    assert answer.get("ip_list") == [("tap0", "fd00::7")]


def test_a_bang_of_a_node_moves_its_instances(master: Master, node: Node, title: str) -> None:  # X15
    computer = node(1)
    master.request(title, filter_xml=on(computer))
    before = float(slot(master, computer)["_parameter_dict"]["timestamp"])
    assert loaded(master.post("computerBang", computer_id=computer, message="reboot")) == ""
    assert float(slot(master, computer)["_parameter_dict"]["timestamp"]) > before


def test_reports_are_kept_and_told(master: Master, node: Node, title: str) -> None:  # X16, 15.2, 15.3
    computer = node(1)
    master.request(title, filter_xml=on(computer))
    place = {"computer_id": computer, "computer_partition_id": "part0"}
    assert loaded(master.get("getComputerPartitionStatus", **place))["no_data"] == 1
    assert master.post("startedComputerPartition", **place).text == "Ignored"
    status = loaded(master.get("getComputerPartitionStatus", **place))
    assert status["text"] == "#access Instance correctly started"
    assert status["no_data_since_5_minutes"] == 0
    master.post("softwareInstanceError", error_log="it broke", **place)
    assert loaded(master.get("getComputerPartitionStatus", **place))["text"].startswith("#error")
    assert slot(master, computer)["_access_status"].endswith("it broke")


def test_software_is_supplied_reported_and_removed(master: Master, node: Node) -> None:  # 2.5, 15.2
    computer = node(0)
    release = {"url": URL, "computer_id": computer}
    assert master.post("supplySupply", state="available", **release).text == f"Supplied '{URL}' to be available"
    assert master.post("buildingSoftwareRelease", **release).text == "Ignored"
    assert master.post("availableSoftwareRelease", **release).text == "Ignored"
    told = loaded(master.get("getSoftwareInstallationStatus", **release))
    assert told["text"] == f"#access software release {URL} available"
    assert master.post("destroyedSoftwareRelease", **release).status_code == 404
    master.post("supplySupply", state="destroyed", **release)
    assert master.post("destroyedSoftwareRelease", **release).text == "OK"
    full = loaded(master.get("getFullComputerInformation", computer_id=computer))
    assert full.get("_software_release_list") == []
    assert master.post("supplySupply", state="burning", **release).status_code == 400


def test_trees_have_addresses_and_relations(master: Master, node: Node, title: str) -> None:  # X16, X18, 15.3
    computer = node(1)
    master.request(title, filter_xml=on(computer))
    place = {"computer_id": computer, "computer_partition_id": "part0"}
    assert loaded(master.get("getHostingSubscriptionIpList", **place)) == [("tap0", "10.0.0.0")]
    related = {"instance_reference_xml": marshalled(["a", "b"]), **place}
    assert master.post("updateComputerPartitionRelatedInstanceList", **related).status_code == 200
    wrong = {"instance_reference_xml": marshalled({"a": 1}), **place}
    assert master.post("updateComputerPartitionRelatedInstanceList", **wrong).status_code == 400


def test_a_node_can_be_requested_and_certified(master: Master, title: str) -> None:  # X17, X23
    made = loaded(master.post("requestComputer", computer_title=title))
    computer = made.get("_computer_id")
    assert computer.startswith("COMP-")
    assert loaded(master.post("requestComputer", computer_title=title)).get("_computer_id") == computer
    assert set(loaded(master.post("generateComputerCertificate", computer_id=computer))) == {"certificate", "key"}
    assert master.post("generateComputerCertificate", computer_id=computer).status_code == 404
    assert master.post("revokeComputerCertificate", computer_id=computer).text == "OK"
    assert master.post("revokeComputerCertificate", computer_id=computer).status_code == 404
    assert loaded(master.get("getComputerStatus", computer_id=computer))["text"].startswith("#error no data")


def test_what_never_existed_is_not_destroyed(master: Master, node: Node, title: str) -> None:  # X21
    computer = node(1)
    assert master.request(title, filter_xml=on(computer), state="destroyed").status_code == 404
    assert slot(master, computer)["_requested_state"] == "destroyed"
    assert slot(master, computer)["_software_release_document"] is None


def test_shared_instances_come_and_go(master: Master, node: Node, title: str) -> None:  # F02, X07, X08, X27
    computer = node(1)
    master.request(title, filter_xml=on(computer), software_type="T")
    shared = {"filter_xml": on(computer), "software_type": "T", "shared_xml": True}
    forged = {"domain": "d", "slave_reference": "_somebody"}
    answer = loaded(master.request(f"{title}-s", partition_parameter_xml=forged, **shared))
    assert "_instance_guid" not in answer.attributes
    assert answer.get("slap_computer_partition_id") == "part0"
    assert slot(master, computer)["_parameter_dict"]["slave_instance_list"] == [
        {
            "slave_reference": f"_{title}-s",
            "slave_title": f"_{title}-s",
            "slap_software_type": "T",
            "domain": "d",
        }
    ]
    place = {"computer_id": computer, "computer_partition_id": "part0"}
    values = {"connection_xml": marshalled({"u": "v"}), "slave_reference": f"_{title}-s"}
    assert master.post("setComputerPartitionConnectionXml", **place, **values).text == "done"
    assert loaded(master.request(f"{title}-s", partition_parameter_xml=forged, **shared)).get("_connection_dict") == {
        "u": "v"
    }
    rename = {"new_name": f"{title}-n", "slave_reference": f"_{title}-s"}
    assert master.post("softwareInstanceRename", **place, **rename).text == "done"  # X25
    assert master.request(f"{title}-n", state="destroyed", **shared).status_code == 200
    assert slot(master, computer)["_parameter_dict"]["slave_instance_list"] == []
    assert master.request(f"{title}-s", state="destroyed", **shared).status_code == 404


def test_trees_are_destroyed_from_below(master: Master, node: Node, title: str) -> None:  # 2.8, 6.5
    computer = node(2)
    master.request(title, filter_xml=on(computer))
    root = {"computer_id": computer, "computer_partition_id": "part0"}
    child = {"computer_id": computer, "computer_partition_id": "part1"}
    master.request(f"{title}-c", filter_xml=on(computer), **root)
    master.request(title, filter_xml=on(computer), state="destroyed")
    kept = master.post("destroyedComputerPartition", **root)
    assert kept.status_code == 200
    assert kept.text == (f"Not destroying yet because this partition has child partitions: {title}-c")
    assert slot(master, computer, "part1")["_requested_state"] == "destroyed"
    assert master.post("destroyedComputerPartition", **child).text == "OK"
    assert master.post("destroyedComputerPartition", **root).text == "OK"
    assert slot(master, computer)["_software_release_document"] is None


def test_frontends_are_bypassed(master: Master, title: str) -> None:  # H04
    release = "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg"
    url = "http://[::1]:123/foobar?q=1#f"
    answer = loaded(
        master.request(title, software_release=release, shared_xml=True, partition_parameter_xml={"url": url})
    )
    assert answer.kind == "ComputerPartition"
    assert answer.get("_connection_dict") == {"secure_access": url, "domain": "[::1]:123"}
    assert answer.arguments == ("", f"Fake frontend for {url}", None)


def test_parallel_requests_never_share_a_partition(master: Master, node: Node, title: str) -> None:  # X20
    computer = node(16)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: master.request(f"{title}-{n}", filter_xml=on(computer)), range(20)))
    placed = [loaded(answer).get("slap_computer_partition_id") for answer in answers if answer.status_code == 200]
    assert sorted(placed) == sorted(f"part{number}" for number in range(16))
    assert [answer.status_code for answer in answers if answer.status_code != 200] == [404] * 4


def test_consumption_reports_are_checked(master: Master, node: Node) -> None:  # X19, H02
    computer = node(0)
    report = (
        '<journal><transaction type="t"><start_date/><stop_date/><reference>r</reference><currency/><payment_mode/>'
        '<arrow type="a"/><movement><resource>CPU</resource><quantity>1.5</quantity><price>0</price><VAT/></movement>'
        "</transaction></journal>"
    )
    assert master.post("useComputer", computer_id=computer, use_string=report).text == "OK"
    wrong = master.post("useComputer", computer_id=computer, use_string=report.replace("1.5", "much"))
    assert (wrong.status_code, wrong.text) == (
        400,
        "the field use_string: line 1, column 172: <quantity> does not hold a number: 'much'",
    )
    usage = "post.v0.compute_node_usage"
    assert master.call(usage, {"computer_guid": computer, "tioxml": report}).json()["title"] == "Ignored"
    assert master.call(usage, {"computer_guid": computer, "tioxml": "no XML"}).status_code == 400

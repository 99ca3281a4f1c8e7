from tests.unit.server.slap.samples import node, occupant, requested, slot

from pilothouse.server.api.slap import documents, node_documents
from pilothouse.services.node import Address, SharedEntry, Software, Status
from pilothouse.slap import marshal_reader, marshal_writer
from pilothouse.slap.documents import Document

REQUEST = """<marshal><object id="i2" module="slapos.slap.slap" class="SoftwareInstance"><tuple/><dictionary id="i3"><string>_connection_dict</string><dictionary id="i4"/><string>_instance_guid</string><string>local_computer-slappart0</string><string>_parameter_dict</string><dictionary id="i5"><string>a</string><string>1</string><string>timestamp</string><string>1795331981.5168962</string><string>&#233;</string><string>&#252;&amp;lt;&amp;amp;&amp;gt;"</string></dictionary><string>_requested_state</string><string>started</string><string>connection_xml</string><none/><string>ip_list</string><list id="i6"><tuple><string>slaptap0</string><string>10.0.1.0</string></tuple><tuple><string>slaptap0</string><string>fd00::0</string></tuple></list><string>slap_computer_id</string><string>local_computer</string><string>slap_computer_partition_id</string><string>slappart0</string><string>slap_server_url</string><string>slap_server_url</string><string>slap_software_release_url</string><string>http://sr.example/a.cfg</string><string>slap_software_type</string><string>default</string></dictionary></object></marshal>"""  # noqa: E501
SHARED = """<marshal><object id="i2" module="slapos.slap.slap" class="SoftwareInstance"><tuple/><dictionary id="i3"><string>_connection_dict</string><dictionary id="i4"/><string>_parameter_dict</string><dictionary id="i5"><string>domain</string><string>d</string></dictionary><string>ip_list</string><list id="i6"><tuple><string>slaptap0</string><string>10.0.1.0</string></tuple><tuple><string>slaptap0</string><string>fd00::0</string></tuple></list><string>slap_computer_id</string><string>local_computer</string><string>slap_computer_partition_id</string><string>slappart0</string><string>slap_server_url</string><string>slap_server_url</string><string>slap_software_release_url</string><string>http://sr.example/a.cfg</string><string>slap_software_type</string><string>default</string></dictionary></object></marshal>"""  # noqa: E501
FREE = """<object id="i26" module="slapos.slap.slap" class="ComputerPartition"><tuple><string>local_computer</string><string>slappart2</string><none/></tuple><dictionary id="i27"><string>_computer_id</string><string>local_computer</string><string>_instance_guid</string><string>local_computer-slappart2</string><string>_need_modification</string><int>0</int><string>_partition_id</string><string>slappart2</string><string>_request_dict</string><none/><string>_requested_state</string><string>destroyed</string><string>_software_release_document</string><none/></dictionary></object>"""  # noqa: E501
EMPTY = """<marshal><object id="i2" module="slapos.slap.slap" class="Computer"><tuple><string>local_computer</string></tuple><dictionary id="i3"><string>_computer_id</string><string>local_computer</string><string>_computer_partition_list</string><list id="i4"/><string>_software_release_list</string><list id="i5"/></dictionary></object></marshal>"""  # noqa: E501
RELEASE = """<object id="i10" module="slapos.slap.slap" class="SoftwareRelease"><tuple><string>http://sr.example/a.cfg</string><string>local_computer</string></tuple><dictionary id="i11"><string>_computer_guid</string><string>local_computer</string><string>_software_instance_list</string><list id="i12"/><string>_software_release</string><string>http://sr.example/a.cfg</string></dictionary></object>"""  # noqa: E501


def attributes(document: object) -> dict[str, object]:
    assert isinstance(document, Document)
    return dict(document.attributes)


def test_a_request_is_answered_byte_for_byte_like_the_sample() -> None:
    assert marshal_writer.dumps(documents.instance(requested())).decode() == REQUEST


def test_a_shared_request_is_answered_byte_for_byte_like_the_sample() -> None:
    answer = requested(shared=True, parameters={"domain": "d"}, software_type="other", host_software_type="default")
    assert marshal_writer.dumps(documents.instance(answer, by_slot=True)).decode() == SHARED
    assert attributes(documents.instance(answer))["_requested_state"] == "started"


def test_a_free_partition_is_the_sample() -> None:
    assert marshal_writer.fragment(documents.partition(slot(2))).text(25) == FREE


def test_the_software_of_an_occupied_partition_is_the_sample() -> None:
    release = attributes(documents.partition(slot(0, occupant())))["_software_release_document"]
    assert marshal_writer.fragment(release).text(9) == RELEASE


def test_an_empty_node_is_the_sample() -> None:
    assert node_documents.compose(1, node(), None, 0.0).body.decode() == EMPTY


def test_reserved_names_win_over_parameters() -> None:
    held = occupant(parameters={"timestamp": "never", "ip_list": "none", "own": "1"})
    parameters = attributes(documents.partition(slot(0, held)))["_parameter_dict"]
    assert isinstance(parameters, dict)
    assert parameters["timestamp"] == "1.5"
    assert parameters["ip_list"] == [("slaptap0", "10.0.1.0"), ("slaptap0", "fd00::0")]
    assert parameters["own"] == "1"
    assert parameters["full_address_list"] == []


def test_a_shared_instance_cannot_forge_its_reference() -> None:  # X27
    forged = SharedEntry(
        reference="_s", title="s", software_type="T", parameters={"slave_reference": "_other", "domain": "d"}
    )
    parameters = attributes(documents.partition(slot(0, occupant(shared=(forged,)))))["_parameter_dict"]
    assert isinstance(parameters, dict)
    assert parameters["slave_instance_list"] == [
        {"slave_reference": "_s", "slave_title": "_s", "slap_software_type": "T", "domain": "d"}
    ]


def test_addresses_behind_a_gateway_are_told_in_full() -> None:
    routed = Address(interface="tap", address="10.0.0.2", netmask="255.0.0.0", gateway="10.0.0.1", network="10.0.0.0")
    held = occupant()
    there = documents.partition(type(slot(0))(computer="c", reference="p", addresses=(routed,), occupant=held))
    parameters = attributes(there)["_parameter_dict"]
    assert isinstance(parameters, dict)
    assert parameters["full_ip_list"] == [("tap", "10.0.0.2", "10.0.0.1", "255.0.0.0", "10.0.0.0")]


def test_what_nothing_was_allocated_for_is_a_partition_without_a_node() -> None:  # 6.8
    answer = documents.instance(
        requested(computer="", partition="Fake frontend for http://h", connection={"domain": "h"})
    )
    assert answer.kind == "ComputerPartition"
    assert answer.arguments == ("", "Fake frontend for http://h", None)
    assert attributes(answer)["_connection_dict"] == {"domain": "h"}


def test_one_changed_partition_costs_one_fragment() -> None:
    slots = [slot(number, occupant(f"t{number}")) for number in range(5)]
    before = node_documents.compose(1, node(*slots), None, 0.0)
    changed = [*slots[:2], slot(2, occupant("other")), *slots[3:]]
    after = node_documents.compose(2, node(*changed), before, 1.0)
    same = [name for name in after.fragments if after.fragments[name] is before.fragments[name]]
    assert same == ["slappart0", "slappart1", "slappart3", "slappart4"]
    assert after.etag != before.etag
    assert after.body == node_documents.compose(2, node(*changed), None, 1.0).body


def test_a_node_made_of_fragments_loads_with_everything() -> None:
    software = (Software(url="http://sr", computer="local_computer", state="available"),)
    body = node_documents.compose(1, node(slot(0, occupant()), slot(1), software=software), None, 0.0).body
    loaded = attributes(marshal_reader.loads(body))
    slots, releases = loaded["_computer_partition_list"], loaded["_software_release_list"]
    assert isinstance(slots, list)
    assert isinstance(releases, list)
    assert [attributes(one)["_requested_state"] for one in slots] == ["started", "destroyed"]
    assert attributes(releases[0])["_requested_state"] == "available"
    assert attributes(slots[0])["_connection_dict"] == {"url": "http://h"}


def test_a_silent_node_says_that_nothing_is_known() -> None:
    said = documents.status(Status(reference="c", user="", text=""), "Compute Node", 1000.0)
    assert said["user"] == "SlapOS Master"
    assert said["text"] == "#error no data found for c"
    assert said["no_data"] == 1
    assert said["no_data_since_15_minutes"] == said["no_data_since_5_minutes"] == 1


def test_the_age_of_the_last_word_counts_in_minutes() -> None:
    heard = Status(reference="c", user="c", text="#access ok", at=1000.0, since=400.0)
    said = documents.status(heard, "Compute Node", 1000.0 + 400.0)
    assert (said["no_data_since_5_minutes"], said["no_data_since_15_minutes"]) == (1, 0)
    assert said["created_at"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert said["since"] == "Thu, 01 Jan 1970 00:06:40 GMT"
    assert "no_data" not in said

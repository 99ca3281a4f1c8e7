"""The client library over real connections: what it sends, and what it makes of answers (spec sections 1, 2, 9)."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.masterstub import Answer, Asked, MasterStub

from pilothouse.errors import ExitCode, PilothouseError
from pilothouse.slap import client, marshal_reader
from pilothouse.slap.client import ComputerPartition, slap
from pilothouse.slap.client.connection import USER_AGENT
from pilothouse.slap.documents import ComputerDocument, ComputerPartitionDocument, SoftwareInstanceDocument
from pilothouse.slap.marshal_writer import dumps

INSTANCE = SoftwareInstanceDocument(
    (),
    {
        "_connection_dict": {},
        "_requested_state": "started",
        "_parameter_dict": {"a": "1"},
        "slap_computer_id": "COMP-1",
        "slap_computer_partition_id": "part0",
    },
)


@pytest.fixture
def master() -> Iterator[MasterStub]:
    stub = MasterStub().start()
    yield stub
    stub.stop()


@pytest.fixture
def connected(master: MasterStub) -> slap:
    made = slap()
    made.initializeConnection(master.url)
    master.asked.clear()
    return made


def client_of(url: str) -> slap:
    made = slap()
    made.initializeConnection(url, slapgrid_rest_uri="http://x/")
    return made


def sent(asked: Asked) -> list[tuple[str, object]]:
    """Return the fields of a form, marshalled ones as values."""
    return [
        (name, marshal_reader.loads(value)) if value.startswith("<marshal>") else (name, value)
        for name, value in asked.form
    ]


def test_a_person_requests_as_documented(master: MasterStub, connected: slap) -> None:
    master.rules["/requestComputerPartition"] = Answer(body=dumps(INSTANCE))
    partition = connected.registerOpenOrder().request("http://sr", "title", {"é": 1}, filter_kw={"computer_guid": "C"})
    [asked] = master.asked
    assert sent(asked) == [
        ("software_release", "http://sr"),
        ("partition_reference", "title"),
        ("partition_parameter_xml", {"é": 1}),
        ("filter_xml", {"computer_guid": "C"}),
        ("software_type", "default"),
        ("state", None),
        ("shared_xml", False),
    ]
    assert asked.headers["Accept"] == "*/*"
    assert asked.headers["User-agent"] == USER_AGENT
    assert asked.headers["Content-type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in asked.headers
    assert (partition.getId(), partition.getState(), partition.getInstanceParameter("a")) == ("part0", "started", "1")


def test_a_partition_requests_as_documented(
    master: MasterStub, connected: slap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLAPGRID_INSTANCE_ROOT", str(tmp_path))
    (tmp_path / "part7").mkdir()
    master.rules["/requestComputerPartition"] = Answer(body=dumps(INSTANCE))
    requester = connected.registerComputerPartition("COMP-1", "part7")
    noted = tmp_path / "part7" / ".slapos-request-transaction-part7"
    assert noted.read_text() == ""
    for title in ("one", "zwei ü"):
        requester.request("http://sr", "kind", title, True, {"a": "b"}, {"c": "d"}, "stopped")
    assert noted.read_text("utf-8") == "one\nzwei ü\n"
    asked = master.asked[0]
    assert sent(asked) == [
        ("computer_id", "COMP-1"),
        ("computer_partition_id", "part7"),
        ("software_release", "http://sr"),
        ("software_type", "kind"),
        ("partition_reference", "one"),
        ("shared_xml", True),
        ("partition_parameter_xml", {"a": "b"}),
        ("filter_xml", {"c": "d"}),
        ("state", "stopped"),
    ]
    assert asked.headers["Authorization"] == "X-SlapPartition computer_id=COMP-1, computer_partition_id=part7"


def test_parameters_must_be_dictionaries(master: MasterStub, connected: slap) -> None:
    with pytest.raises(ValueError, match="partition_parameter_kw"):
        connected.registerOpenOrder().request("sr", "t", [("a", "b")])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="filter_kw"):
        connected.registerOpenOrder().request("sr", "t", filter_kw="x")  # type: ignore[arg-type]
    assert master.asked == []


def test_who_reports_names_itself(master: MasterStub, connected: slap) -> None:
    partition = connected.registerComputerPartition("C", "p")
    ids = [("computer_id", "C"), ("computer_partition_id", "p")]
    calls: list[tuple[Callable[[], object], str, list[tuple[str, object]]]] = [
        (partition.started, "startedComputerPartition", []),
        (partition.stopped, "stoppedComputerPartition", []),
        (partition.destroyed, "destroyedComputerPartition", []),
        (lambda: partition.error("why"), "softwareInstanceError", [("error_log", "why")]),
        (lambda: partition.bang("why"), "softwareInstanceBang", [("message", "why")]),
        (lambda: partition.rename("new"), "softwareInstanceRename", [("new_name", "new")]),
        (
            lambda: partition.rename("new", "s"),
            "softwareInstanceRename",
            [("new_name", "new"), ("slave_reference", "s")],
        ),
        (
            lambda: partition.setConnectionDict({"u": 1}),
            "setComputerPartitionConnectionXml",
            [("connection_xml", {"u": 1}), ("slave_reference", "None")],
        ),
        (
            lambda: partition.setComputerPartitionRelatedInstanceList(["a"]),
            "updateComputerPartitionRelatedInstanceList",
            [("instance_reference_xml", ["a"])],
        ),
    ]
    for call, name, fields in calls:
        master.rules[f"/{name}"] = Answer(body=b"Ignored")
        assert call() is None
        assert master.asked[-1].path == f"/{name}"
        assert sent(master.asked[-1]) == ids + fields
        who = master.asked[-1].headers["Authorization"]
        assert who == "X-SlapPartition computer_id=C, computer_partition_id=p"


def test_computers_releases_and_supplies_do_not(master: MasterStub, connected: slap) -> None:
    computer = connected.registerComputer("C")
    release = client.SoftwareRelease("http://sr", "C", connection_helper=connected._connection_helper)
    calls: list[tuple[Callable[[], object], str, list[tuple[str, object]]]] = [
        (lambda: computer.bang("why"), "computerBang", [("computer_id", "C"), ("message", "why")]),
        (lambda: computer.reportUsage("<x/>"), "useComputer", [("computer_id", "C"), ("use_string", "<x/>")]),
        (computer.revokeCertificate, "revokeComputerCertificate", [("computer_id", "C")]),
        (release.building, "buildingSoftwareRelease", [("url", "http://sr"), ("computer_id", "C")]),
        (release.available, "availableSoftwareRelease", [("url", "http://sr"), ("computer_id", "C")]),
        (release.destroyed, "destroyedSoftwareRelease", [("url", "http://sr"), ("computer_id", "C")]),
        (
            lambda: release.error("why"),
            "softwareReleaseError",
            [("url", "http://sr"), ("computer_id", "C"), ("error_log", "why")],
        ),
        (
            lambda: connected.registerSupply().supply("http://sr", "C"),
            "supplySupply",
            [("url", "http://sr"), ("computer_id", "C"), ("state", "available")],
        ),
    ]
    for call, name, fields in calls:
        master.rules[f"/{name}"] = Answer(body=b"OK")
        call()
        assert master.asked[-1].path == f"/{name}"
        assert sent(master.asked[-1]) == fields
        assert "Authorization" not in master.asked[-1].headers


def test_usage_of_partitions_is_sent_one_by_one(master: MasterStub, connected: slap) -> None:
    master.rules["/useComputer"] = Answer()
    partitions = [connected.registerComputerPartition("C", f"p{number}") for number in range(3)]
    partitions[0].setUsage("<zero/>")
    partitions[2].setUsage("<two/>")
    connected.registerComputer("C").reportUsage(partitions)
    connected.registerComputer("C").reportUsage("")
    assert [dict(asked.form)["use_string"] for asked in master.asked] == ["<zero/>", "<two/>"]


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (404, client.NotFoundError, "{url}getComputerStatus - {{'computer_id': 'C'}}"),
        (408, client.ResourceNotReady, "getComputerStatus"),
        (400, client.HTTPError, "400 Client Error: Bad Request for url: {url}getComputerStatus?computer_id=C"),
        (403, client.HTTPError, "403 Client Error: Forbidden for url: {url}getComputerStatus?computer_id=C"),
        (501, client.HTTPError, "501 Server Error: Not Implemented for url: {url}getComputerStatus?computer_id=C"),
        *(
            (status, client.ServerError, f"{status} Server Error: .* for url: {{url}}getComputerStatus\\?computer_id=C")
            for status in (500, 502, 503, 520, 523, 524, 526)
        ),
    ],
)
def test_each_status_has_its_error(
    master: MasterStub, connected: slap, status: int, error: type[Exception], text: str
) -> None:
    master.rules["/getComputerStatus"] = Answer(status, b"never read")
    with pytest.raises(error) as caught:
        connected.registerComputer("C").getStatus()
    assert isinstance(caught.value, client.SlapException)
    assert isinstance(caught.value, PilothouseError)
    expected = text.format(url=master.url)
    assert caught.match(expected) if ".*" in expected else str(caught.value) == expected


def test_a_master_that_is_not_there_is_told(connected: slap, master: MasterStub, silent_port: int) -> None:
    nobody, silent = slap(), slap()
    nobody.initializeConnection("http://127.0.0.1:1")
    silent.initializeConnection(f"http://127.0.0.1:{silent_port}", timeout=0.1, slapgrid_rest_uri="http://x/")
    master.rules["/getComputerStatus"] = Answer(302, headers={"Location": "/getComputerStatus"})
    for asked in (nobody, silent, connected):
        with pytest.raises(client.ConnectionError, match="Couldn't connect to the server") as caught:
            asked.registerComputer("C").getStatus()
        assert "\nhttp://127.0.0.1:" in str(caught.value)
        assert caught.value.exit_code == ExitCode.CONNECTION


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "127.0.0.1", "http://127.0.0.1:x/", "http:///path", "http://[::1"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises((client.ConnectionError, ValueError), match=r"must begin|no host and port|Invalid IPv6"):
        client_of(url).registerComputer("C").getStatus()


def test_an_answer_that_is_no_marshalled_xml_is_the_servers_fault(master: MasterStub, connected: slap) -> None:
    for body in (b"<html>", b"<marshal><int>x</int></marshal>", b""):
        master.rules["/getComputerStatus"] = Answer(body=body)
        with pytest.raises(client.ServerError, match="line 1, column"):
            connected.registerComputer("C").getStatus()
    for path in ("getFullComputerInformation", "requestComputerPartition", "registerComputerPartition"):
        master.rules[f"/{path}"] = Answer(body=dumps("text"))
    with pytest.raises(client.ServerError, match="str"):
        connected.registerComputer("C").getComputerPartitionList()
    with pytest.raises(client.ServerError, match="str"):
        connected.registerOpenOrder().request("sr", "t")
    with pytest.raises(client.ServerError, match="str"):
        connected.registerComputerPartition("C", "p").getState()


def test_an_answer_with_objects_of_a_wrong_shape_is_the_servers_fault(master: MasterStub, connected: slap) -> None:
    document = ComputerDocument(("C",), {"_computer_partition_list": [ComputerPartitionDocument((), {})]})
    master.rules["/getFullComputerInformation"] = Answer(body=dumps(document))
    with pytest.raises(client.ServerError, match=r"ComputerPartition with the arguments \(\)"):
        connected.registerComputer("C").getComputerPartitionList()


def test_an_answer_that_ends_early_is_no_answer(master: MasterStub, connected: slap) -> None:
    master.rules["/getComputerStatus"] = Answer(body=dumps("text"), hang_up=True, held_back=7)
    with pytest.raises(client.ConnectionError, match="ended 7 bytes too early"):
        connected.registerComputer("C").getStatus()


def test_what_is_not_ready_says_so_when_it_is_asked(master: MasterStub, connected: slap) -> None:
    master.rules["/requestComputerPartition"] = Answer(408)
    partition = connected.registerOpenOrder().request("sr", "t")
    for ask in (partition.getId, partition.getState, partition.getInstanceGuid, partition.getConnectionParameterDict):
        with pytest.raises(client.ResourceNotReady):
            ask()
    assert len(master.asked) == 1


def test_an_error_report_never_raises(caplog: pytest.LogCaptureFixture, connected: slap) -> None:
    connected.registerComputerPartition("C", "p").error("why")
    own = logging.getLogger("own")
    client.SoftwareRelease("u").error("why", own)
    assert [record.name for record in caplog.records] == ["pilothouse.slap.client.report", "own"]
    assert all("could not be reported" in record.message for record in caplog.records)


def test_a_partition_fetches_what_it_lacks_once(master: MasterStub, connected: slap) -> None:
    document = ComputerPartitionDocument(
        ("C", "p", None),
        {"_requested_state": "stopped", "_instance_guid": None, "_parameter_dict": {"slap_software_type": "T"}},
    )
    master.rules["/registerComputerPartition"] = Answer(body=dumps(document))
    partition = connected.registerComputerPartition("C", "p")
    assert (partition.getState(), partition.getType(), partition.getStatus()) == ("stopped", "T", None)
    with pytest.raises(client.ResourceNotReady):
        partition.getInstanceGuid()
    [asked] = master.asked
    assert asked.query == {"computer_reference": ["C"], "computer_partition_reference": ["p"]}
    assert "Authorization" not in asked.headers


def test_the_old_name_of_the_computers_document_is_tried(master: MasterStub, connected: slap) -> None:
    document = ComputerDocument(
        ("C",),
        {
            "_computer_id": "C",
            "_computer_partition_list": [ComputerPartitionDocument(("C", "p", None), {"_requested_state": "started"})],
            "_software_release_list": [],
        },
    )
    master.rules["/getComputerInformation"] = Answer(body=dumps(document))
    computer = connected.registerComputer("C")
    [partition] = computer.getComputerPartitionList()
    assert partition.getState() == "started"
    assert computer.getSoftwareReleaseList() == []
    assert [asked.path for asked in master.asked] == ["/getFullComputerInformation", "/getComputerInformation"]
    with pytest.raises(client.NotFoundError):
        connected.registerComputer("").getSoftwareReleaseList()
    assert len(master.asked) == 2


def test_an_answer_replaces_neither_methods_nor_the_way_to_the_master(master: MasterStub, connected: slap) -> None:
    document = SoftwareInstanceDocument(
        (),
        {
            **INSTANCE.attributes,
            "_connection_helper": None,
            "_hateoas_navigator": None,
            "__class__": "x",
            "started": "x",
            "_software_release_document": "http://sr",
        },
    )
    master.rules["/requestComputerPartition"] = Answer(body=dumps(document))
    master.rules["/startedComputerPartition"] = Answer()
    partition = connected.registerOpenOrder().request("sr", "t")
    partition.started()
    assert isinstance(partition, ComputerPartition)
    assert partition.getSoftwareRelease().getURI() == "http://sr"
    assert partition.getSoftwareRelease().getComputerId() == "COMP-1"


def test_the_hateoas_root_is_asked_for_once(master: MasterStub) -> None:
    master.rules["/getHateoasUrl"] = Answer(body=f"{master.url}h/".encode())
    master.rules["/h/"] = Answer(
        body=msgspec.json.encode(
            {
                "_links": {
                    "self": {"href": f"{master.url}web"},
                    "raw_search": {"href": f"{master.url}h/?mode=search{{&query,select_list*,limit*}}"},
                }
            }
        )
    )
    master.rules["/web/computer_module/Base_getComputerToken"] = Answer(body=b'{"access_token": "secret"}')
    for _ in range(2):
        connected = slap()
        connected.initializeConnection(master.url, timeout=33)
        assert connected.registerToken().request() == "secret"
    assert len(master.named("/getHateoasUrl")) == 1
    assert master.named("/h/")[0].headers["Cache-Control"] == "no-cache"
    given = slap()
    given.initializeConnection(master.url, slapgrid_rest_uri=f"{master.url}h/")
    master.rules["/h/"] = Answer(body=b"[]")
    with pytest.raises(client.ServerError, match="no JSON object"):
        given.getComputerDict()
    assert len(master.named("/getHateoasUrl")) == 1


def test_an_instance_asks_for_others_of_its_service(master: MasterStub) -> None:
    found: dict[str, Any] = {"title": "other", "relative_url": "m/1"}
    view = {
        "my_text_content": {"type": "StringField", "default": '<instance><parameter id="a">1</parameter></instance>'}
    }
    root = {"raw_search": {"href": "/s{?query}"}, "traverse": {"href": "/t{?relative_url,view}"}}
    master.rules["/h"] = Answer(body=msgspec.json.encode({"_links": root}))
    master.rules["/s"] = Answer(body=msgspec.json.encode({"_embedded": {"contents": [{"title": "no"}, found]}}))
    master.rules["/t"] = Answer(body=msgspec.json.encode({"_embedded": {"_view": view}}))
    connected = slap()
    connected.initializeConnection(master.url, slapgrid_rest_uri=f"{master.url}h")
    partition = connected.registerComputerPartition("C", "p")
    partition._parameter_dict = {"root_instance_title": "tree"}  # type: ignore[attr-defined]
    assert partition.getInformation("other").__dict__["_parameter_dict"] == {"a": "1"}
    assert 'default_specialise_title:="tree"' in master.named("/s")[0].query["query"][0]
    assert master.named("/t")[0].query == {"relative_url": ["m/1"], "view": ["slaposjs_view"]}
    with pytest.raises(client.NotFoundError):
        partition.getInformation("nobody")


def test_without_hateoas_that_is_said(connected: slap) -> None:
    calls: list[Callable[[], object]] = [
        connected.getOpenOrderDict,
        connected.getComputerDict,
        connected.registerToken,
        connected.registerComputer("C").getInformation,
        lambda: connected.registerOpenOrder().getInformation("t"),
    ]
    for call in calls:
        with pytest.raises(Exception, match="Hateoas API required") as caught:
            call()
        assert type(caught.value) is Exception


def test_products_are_the_newest_release(master: MasterStub, connected: slap, caplog: pytest.LogCaptureFixture) -> None:
    master.rules["/getSoftwareReleaseListFromSoftwareProduct"] = lambda asked: Answer(
        body=dumps(["http://new", "http://old"] if asked.query == {"software_product_reference": ["kvm"]} else [])
    )
    caplog.set_level(logging.INFO)
    products = client.SoftwareProductCollection(logging.getLogger("slapos"), connected)
    assert products.kvm == products.get("kvm") == "http://new"
    assert caplog.messages[:2] == [
        "Getting best Software Release corresponding to this Software Product...",
        "Found as http://new.",
    ]
    with pytest.raises(AttributeError, match="No Software Release"):
        products.get("other")
    for names in (("", ""), ("a", "b")):
        with pytest.raises(AttributeError, match="specified"):
            connected.getSoftwareReleaseListFromSoftwareProduct(*names)


def test_connections_are_kept_and_opened_again(master: MasterStub, connected: slap) -> None:
    master.rules["/computerBang"] = Answer()
    computer = connected.registerComputer("C")
    computer.bang("one")
    computer.bang("two")
    master.rules["/computerBang"] = Answer(hang_up=True)
    computer.bang("three")
    computer.bang("four")
    assert [dict(asked.form)["message"] for asked in master.asked] == ["one", "two", "three", "four"]
    peers = [asked.peer for asked in master.asked]
    assert len(set(peers[:3])) == 1
    assert peers[3] != peers[2]


def test_a_web_proxy_of_the_environment_is_used(master: MasterStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{master.place}")
    monkeypatch.setenv("no_proxy", "direct.example")
    master.rules["/base/computerBang"] = Answer()
    connected = slap()
    connected.initializeConnection("http://master.example/base", slapgrid_rest_uri="http://x/")
    connected.registerComputer("C").bang("hello")
    [asked] = master.asked
    assert asked.target == "http://master.example/base/computerBang"
    assert asked.headers["Host"] == "master.example"


def test_the_library_loads_no_heavy_module() -> None:
    code = "import sys, pilothouse.slap.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pilothouse.slap.client.library" in loaded
    assert {"httpx", "lxml", "asyncio", "logging", "urllib.request", "cryptography"}.isdisjoint(loaded)


def test_threads_share_a_connection_to_the_master(master: MasterStub, connected: slap) -> None:
    master.rules["/getComputerStatus"] = lambda asked: Answer(body=dumps({"text": asked.query["computer_id"][0]}))
    names = [f"C{number}" for number in range(60)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda name: connected.registerComputer(name).getStatus()["text"], names))
    assert found == names
    assert len({asked.peer for asked in master.asked}) <= 7

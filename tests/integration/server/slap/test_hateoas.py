"""Group T of the checks: hateoas as its navigators use it."""

from typing import Any
from urllib.parse import quote

from tests.integration.server.slap.conftest import Node
from tests.slapmaster import Master, marshalled

INSTANCES = 'portal_type:"Instance Tree" AND validation_state:validated'
COMPUTERS = 'portal_type:"Compute Node" AND validation_state:validated'


def search(master: Master, query: str) -> list[dict[str, Any]]:
    answer = master.get("hateoas/", mode="search", query=query, select_list="title,url_string")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["_embedded"]["contents"]
    return found


def page(master: Master, relative_url: str) -> dict[str, Any]:
    """Follow the traverse template, as a navigator does."""
    answer = master.get("hateoas/", mode="traverse", relative_url=relative_url, view="slaposjs_view")
    assert answer.status_code == 302
    followed = master.http.get(answer.headers["location"])
    assert followed.status_code == 200
    document: dict[str, Any] = followed.json()
    return document


def field(document: dict[str, Any], name: str) -> Any:
    return document["_embedded"]["_view"][f"my_{name}"]["default"]


def test_roots_are_found_and_children_not(master: Master, node: Node, title: str) -> None:  # T02, T10
    computer = node(2)
    there = {"filter_xml": {"computer_guid": computer}}
    master.request(title, **there)
    place = {"computer_id": computer, "computer_partition_id": "part0"}
    master.request(f"{title}-c", **there, **place)
    master.request(f"{title}-s", shared_xml=True, **there)
    found = {entry["title"]: entry["url_string"] for entry in search(master, INSTANCES)}
    assert found[title] == found[f"{title}-s"] == "http://sr.example/a.cfg"
    assert f"{title}-c" not in found
    assert [entry["title"] for entry in search(master, f'{INSTANCES} AND title:="{title}"')] == [title]
    assert search(master, f'{INSTANCES} AND title:="{title}-c"') == []


def test_partitions_of_one_name_have_instances_of_their_own(master: Master, node: Node, title: str) -> None:  # X11
    for computer in (node(1), node(1)):
        master.request(f"{title} {computer}", filter_xml={"computer_guid": computer})
    assert len([entry for entry in search(master, INSTANCES) if entry["title"].startswith(f"{title} ")]) == 2


def test_a_freed_root_is_not_found(master: Master, node: Node, title: str) -> None:  # T10
    computer = node(1)
    master.request(title, filter_xml={"computer_guid": computer})
    master.post("destroyedComputerPartition", computer_id=computer, computer_partition_id="part0")
    assert search(master, f'{INSTANCES} AND title:="{title}"') == []


def test_the_page_of_an_instance(master: Master, node: Node, title: str) -> None:  # T03, X22
    computer, odd = node(1), f"{title}/é ?"
    filtered = {"computer_guid": computer}
    master.request(odd, filter_xml=filtered, state="stopped", software_type="T", partition_parameter_xml={"a": "b"})
    published = {"connection_xml": marshalled({"u": "http://h"})}
    master.post("setComputerPartitionConnectionXml", computer_id=computer, computer_partition_id="part0", **published)
    (entry,) = search(master, f'{INSTANCES} AND title:="{odd}"')
    document = page(master, entry["relative_url"])
    assert document["_links"]["type"]["name"] == "Instance Tree"
    assert (field(document, "reference"), field(document, "slap_state")) == (odd, "stopped")
    assert field(document, "source_reference") == "T"
    assert field(document, "root_slave") == 0
    assert '<parameter id="a">b</parameter>' in field(document, "text_content")
    assert '<parameter id="u">http://h</parameter>' in field(document, "connection_parameter_list")


def test_the_page_of_a_shared_instance(master: Master, node: Node, title: str) -> None:  # T04
    there = {"filter_xml": {"computer_guid": node(1)}}
    master.request(title, **there)
    master.request(f"{title}-s", shared_xml=True, partition_parameter_xml={"a": "b"}, **there)
    (entry,) = search(master, f'{INSTANCES} AND title:="{title}-s"')
    document = page(master, entry["relative_url"])
    assert (field(document, "root_slave"), field(document, "slap_state")) == (1, "unused")


def test_the_page_of_a_node(master: Master, node: Node) -> None:  # T07
    computer = node(0)
    (entry,) = search(master, f'{COMPUTERS} AND reference:="{computer}"')
    assert (entry["reference"], entry["title"]) == (computer, computer)
    document = page(master, entry["relative_url"])
    assert document["_links"]["type"]["name"] == "Computer"
    assert (field(document, "reference"), field(document, "title")) == (computer, computer)
    assert search(master, f'{COMPUTERS} AND reference:="nobody"') == []
    assert computer in [
        one["reference"] for one in search(master, 'portal_type:"Computer" AND validation_state:validated')
    ]


def test_other_words_are_refused(master: Master) -> None:  # T08, T09
    for query in ("anything", f'{INSTANCES} AND title:="a"b"', ""):
        answer = master.get("hateoas/", mode="search", query=query)
        assert answer.status_code == 400
        assert answer.text == f"Unhandled query: {query}"
    assert master.get("hateoas/", mode="search").status_code == 400
    assert master.get("hateoas/", mode="dance").text == "Unhandled mode: dance"


def test_nobody_is_led_elsewhere(master: Master) -> None:  # the original's open redirect
    for target in ("http://evil.example/", "//evil.example/hateoas/", "/hateoas/../x", "/hateoas/other/x", ""):
        answer = master.get("hateoas/", mode="traverse", relative_url=target, view="v")
        assert answer.status_code == 400, target


def test_unknown_pages_are_not_found(master: Master) -> None:
    for path in ("partitions/nobody", "shared/nobody", "computers/nobody", "partitions/", "partitions/a/b", "x"):
        assert master.get(f"hateoas/{path}").status_code == 404, path
    assert master.get(f"hateoas/partitions/{quote('%ff')}").status_code == 404


def test_a_proxy_in_front_is_believed(master: Master) -> None:  # 1.1, 3.2
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/slap", "Host": "master.example"}
    links = master.get("hateoas/", headers=headers).json()["_links"]
    assert links["self"]["href"] == "https://master.example/slap/hateoas"
    slash = master.get("hateoas")
    assert (slash.status_code, slash.headers["location"]) == (308, f"{master.url}hateoas/")

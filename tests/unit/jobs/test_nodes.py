"""Node files: every layout, every field, duplicates, sizes (spec section 2.7)."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples
from tests.unit.jobs.documents import ANYTHING, NODE, PUBLISHED_NODES

from pilothouse.errors import DocumentError, Problem
from pilothouse.jobs.nodes import LOCAL, Header, Node, decode


def node(resource_id: int, **fields: Any) -> dict[str, Any]:
    return {"resourceId": resource_id, "host": f"h{resource_id}", "protocol": "ssh", **fields}


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value) for value in values)


def one(**fields: Any) -> Node:
    return decode(json.dumps({**NODE, **fields}), "nodes.json").nodes[0]


def refused(text: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        decode(text, "nodes.json")
    return caught.value


def faults(text: str) -> tuple[Problem, ...] | None:
    """Return why the text is refused, or None when it holds nodes; any other error is the test's failure."""
    try:
        return None if decode(text, "nodes.json").nodes else ()
    except DocumentError as error:
        return error.problems


HEADER = {"totalCount": 7, "localRunnerId": 1, "jobRunnerIds": [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        lines(node(1), node(2)),
        lines(node(1), node(2)) + "\n",
        "\n\n" + lines(node(1)) + "\n \n\t\n" + lines(node(2)) + "\n\n",
        lines(node(1)) + "\r\n" + lines(node(2)) + "\r\n",
        json.dumps([node(1), node(2)]),
        json.dumps([node(1), node(2)], indent=4),
        json.dumps(node(1), indent=2) + "\n" + json.dumps(node(2), indent=2),
        json.dumps(node(1)) + json.dumps(node(2)),
        lines(node(1), node(2), node(1)),
    ],
)
def test_layouts_without_header(text: str) -> None:
    found = decode(text, "nodes.json")
    assert [item.resource_id for item in found.nodes] == [1, 2]
    assert (found.header, found.total) == (None, 2)


@pytest.mark.parametrize("text", [lines(HEADER, node(1)), json.dumps([HEADER, node(1)])])
def test_a_header_counts_over_all_runners(text: str) -> None:
    found = decode(text, "nodes.json")
    assert found.header == Header(7, 1, (1, 2))
    assert (found.total, len(found.nodes)) == (7, 1)


def test_the_published_sample_is_read() -> None:
    found = decode(PUBLISHED_NODES, "nodes.json").nodes
    assert [(item.resource_id, item.host, item.protocol, item.protocol_port) for item in found] == [
        (456, "192.168.0.27", "ssh", 22),
        (567, "192.168.0.22", "tagent", 3939),
        (458, "192.168.0.26", "tagent", 3939),
    ]
    assert [item.key for item in found] == ["192.168.0.27--456", "192.168.0.22-8080-567", "192.168.0.26-8080-458"]
    assert found[1].password.reveal() == "{RC4}xxxxxxx"


def test_every_field_arrives_and_further_ones_are_kept() -> None:
    found = one()
    assert (found.name, found.type, found.username, found.runner_id) == ("web", "host", "app", 1)
    assert found.password.reveal() == "Pa55.word!"
    assert found.attributes == {"servicePorts": {"ssh": 2222}, "appSystemId": 9}
    assert found.title == "[5000]10.0.0.1:7000"


@pytest.mark.parametrize(
    ("fields", "protocol", "port"),
    [
        ({"protocolPort": 1}, "ssh", 1),
        ({"protocolPort": 1, "servicePorts": {"ssh": 2}}, "ssh", 2),
        ({"protocolPort": 1, "servicePorts": {"ssh": "2"}}, "ssh", 2),
        ({"protocolPort": 1, "servicePorts": {"tagent": 2}}, "ssh", 1),
        ({"protocolPort": 1, "servicePorts": {"ssh": None}}, "ssh", 1),
        ({"protocolPort": 1, "servicePorts": {"tagent": 2}, "protocol": "tagent.3"}, "tagent", 3),
        ({"protocolPort": 1, "servicePorts": {"tagent": 2}, "protocol": "tagent"}, "tagent", 2),
        ({"port": 4}, "ssh", 4),
        ({"protocolPort": "", "port": 4}, "ssh", 4),
        ({}, "ssh", 0),
        ({"protocolPort": "22"}, "ssh", 22),
    ],
)
def test_the_port_is_resolved_in_the_documented_order(fields: dict[str, Any], protocol: str, port: int) -> None:
    found = decode(json.dumps(node(1, **fields)), "n").nodes[0]
    assert (found.protocol, found.protocol_port) == (protocol, port)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"resourceId": None}, "line 1.resourceId"),
        ({"resourceId": "x"}, "line 1.resourceId"),
        ({"resourceId": -1}, "line 1.resourceId"),
        ({"resourceId": 2**63}, "line 1.resourceId"),
        ({"resourceId": 0}, "line 1.resourceId"),
        ({"host": None}, "line 1.host"),
        ({"host": ""}, "line 1.host"),
        ({"host": "a b"}, "line 1.host"),
        ({"host": "-oProxyCommand=x"}, "line 1.host"),
        ({"host": "../up"}, "line 1.host"),
        ({"host": "h" * 201}, "line 1.host"),
        ({"host": 5}, "line 1.host"),
        ({"port": 65536}, "line 1.port"),
        ({"port": "http"}, "line 1.port"),
        ({"nodeName": 1}, "line 1.nodeName"),
        ({"nodeType": []}, "line 1.nodeType"),
        ({"protocol": "telnet"}, "line 1.protocol"),
        ({"protocol": "tagent.x"}, "line 1.protocol"),
        ({"protocol": "tagent.\u00b2"}, "line 1.protocol"),
        ({"protocol": "tagent.65536"}, "line 1.protocol"),
        ({"protocol": "ssh.22"}, "line 1.protocol"),
        ({"protocol": 1}, "line 1.protocol"),
        ({"protocolPort": -1}, "line 1.protocolPort"),
        ({"servicePorts": []}, "line 1.servicePorts"),
        ({"servicePorts": {"ssh": "x"}}, "line 1.servicePorts.ssh"),
        ({"username": 1}, "line 1.username"),
        ({"password": {"Pa55": "word"}}, "line 1.password"),
        ({"runnerId": "one"}, "line 1.runnerId"),
    ],
)
def test_a_fault_is_named_with_place_found_and_allowed(fields: dict[str, Any], place: str) -> None:
    fields = {"servicePorts": None, **fields}
    error = refused(json.dumps({**NODE, **fields}))
    problem = next(item for item in error.problems if item.path == place)
    assert problem.found
    assert problem.allowed
    assert "Pa55" not in str(error)


def test_the_runner_itself_may_stand_in_a_node_file() -> None:
    assert one(resourceId=0, protocol="local", host="local", port=0).key == LOCAL.key


def test_exact_repetitions_count_once_and_others_are_refused_with_both_places() -> None:
    again = lines(node(1), node(2), node(1), {**node(2), "host": "elsewhere"})
    (problem,) = refused(again).problems
    assert problem.path == "line 4.resourceId"
    assert "line 2" in problem.found
    inside = json.dumps([node(1), {**node(1), "host": "elsewhere"}])
    (problem,) = refused(inside).problems
    assert (problem.path, "$[0]" in problem.found) == ("$[1].resourceId", True)


def test_nodes_that_differ_by_password_only_are_different_and_it_is_not_told() -> None:
    error = refused(lines(node(1, password="first-secret"), node(1, password="second-secret")))
    assert "secret" not in str(error)


@pytest.mark.parametrize("text", ["", "\n \n", "[]", lines(HEADER), json.dumps([HEADER])])
def test_no_node_is_an_error(text: str) -> None:
    (problem,) = refused(text).problems
    assert problem.found == "no node"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "line 1, column 2"),
        (lines(node(1)) + "\n{broken", "line 2, column 2"),
        (lines(node(1)) + ",\n" + lines(node(2)), "line 1, column "),
        ("[1]", "$[0]"),
        ('"text"', "line 1"),
        ("[" * 100_000, "$"),
        ('{"resourceId": ' + "9" * 5000 + "}", "$"),
        ('{"resourceId": 1, "host": "\\ud800"}', "line 1.host"),
    ],
)
def test_texts_that_are_no_node_file(text: str, place: str) -> None:
    error = refused(text)
    assert any(problem.path.startswith(place) for problem in error.problems)
    str(error).encode()


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ({"totalCount": "many"}, "line 1.totalCount"),
        ({"totalCount": 1, "jobRunnerIds": "1"}, "line 1.jobRunnerIds"),
        ({"totalCount": 1, "localRunnerId": "x"}, "line 1.localRunnerId"),
    ],
)
def test_faults_of_the_header(header: dict[str, Any], place: str) -> None:
    assert [problem.path for problem in refused(lines(header, node(1))).problems] == [place]


def test_all_faults_are_told_at_once() -> None:
    text = lines(node(1, host="a b"), node(2), {**NODE, "port": "x", "username": 1})
    assert [problem.path for problem in refused(text).problems] == ["line 1.host", "line 3.port", "line 3.username"]


def test_a_password_is_not_in_the_representation() -> None:
    found = one()
    assert "Pa55" not in repr(found)
    assert "Pa55" not in f"{found} {found.password}"


def test_twenty_thousand_nodes_are_read_in_seconds() -> None:
    text = lines({"totalCount": 20_000}, *(node(number, nodeName="n", port=80) for number in range(1, 20_001)))
    started = time.process_time()
    found = decode(text, "nodes.json")
    assert time.process_time() - started < 3
    assert len(found.nodes) == 20_000


@examples(200)
@given(field=st.sampled_from(sorted(NODE)), value=ANYTHING)
def test_any_field_is_taken_or_refused(field: str, value: Any) -> None:
    found = faults(json.dumps({**NODE, field: value}))
    assert found is None or found
    assert all(problem.path.startswith("line 1") and problem.allowed for problem in found or ())
    assert "Pa55" not in str(found)


@examples(100)
@given(st.text(max_size=40) | st.integers(0, len(PUBLISHED_NODES)).map(lambda cut: PUBLISHED_NODES[:cut]))
def test_any_text_is_a_node_file_or_refused(text: str) -> None:
    found = faults(text)
    assert found is None or found

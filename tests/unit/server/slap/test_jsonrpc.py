import msgspec
import pytest

from pilothouse.identity.caller import LOCAL
from pilothouse.server.api.slap import jsonrpc, jsonrpc_instances, openapi
from pilothouse.server.api.slap import jsonrpc_messages as wire
from pilothouse.server.api.slap.exchange import Request
from pilothouse.server.api.slap.refusals import HttpRefusal
from pilothouse.server.master.errors import NotFoundError
from pilothouse.services.instance import InstanceKey


@pytest.mark.parametrize(
    ("kind", "body", "title"),
    [
        (wire.Computer, b"{}", "'computer_guid' is a required property"),
        (wire.Computer, b'{"computer_guid": 1}', "1 is not of type 'string'"),
        (wire.Computer, b'{"computer_guid": null}', "None is not of type 'string'"),
        (
            wire.Computer,
            b'{"computer_guid": "c", "x": 1}',
            "Additional properties are not allowed ('x' was unexpected)",
        ),
        (wire.Computer, b"[]", "[] is not of type 'object'"),
        (
            wire.ComputeNodeFormat,
            b'{"computer_guid": "c", "compute_partition_list": [{}]}',
            "'partition_id' is a required property (at $.compute_partition_list[0])",
        ),
        (wire.InstanceTree, b'{"title": "%s"}' % (b"a" * 201), f"{'a' * 201!r}"[:200] + " is too long"),
        (
            wire.InstanceReportedState,
            b'{"instance_guid": "g", "reported_state": "x"}',
            "'x' is not one of the allowed values",
        ),
    ],
)
def test_faults_have_the_words_of_the_validator(kind: type[msgspec.Struct], body: bytes, title: str) -> None:
    with pytest.raises(HttpRefusal) as refused:
        jsonrpc.decoded(msgspec.json.Decoder(kind), body)
    assert (refused.value.status, str(refused.value)) == (400, title)


@pytest.mark.parametrize("body", [b"", b"{", b'{"computer_guid": "a"', b"\xff\xfe", b'{"computer_guid": "\xff"}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:  # R17
    with pytest.raises(HttpRefusal, match="not valid JSON") as refused:
        jsonrpc.decoded(msgspec.json.Decoder(wire.Computer), body)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({b"content-type": b"text/plain"}, 415),
        ({b"content-type": b"application/json", b"accept": b"text/html"}, 406),
        ({b"content-type": b"application/json", b"accept": b"application/json;q=0"}, 406),
        ({b"content-type": b"application/json; charset=utf-8", b"accept": b"text/html, */*;q=0.1"}, None),
        ({b"content-type": b"application/json", b"accept": b"application/*"}, None),
        ({b"content-type": b"application/json"}, None),
    ],
)
def test_only_json_is_spoken(headers: dict[bytes, bytes], status: int | None) -> None:  # R17
    request = Request(method="POST", path="", base="", caller=LOCAL, headers=tuple(headers.items()))
    if status is None:
        jsonrpc.negotiate(request)
        return
    with pytest.raises(HttpRefusal) as refused:
        jsonrpc.negotiate(request)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "key",
    [
        InstanceKey("t", "", False),
        InstanceKey("t", "root", True),
        InstanceKey("a___b", "", False),
        InstanceKey("a___b", "root", False),
    ],
)
def test_guids_are_read_as_they_are_written(key: InstanceKey) -> None:  # 4.2
    guid = jsonrpc_instances.guid_of(key.title, key.requester_title, shared=key.shared)
    assert jsonrpc_instances.key_of(guid) == key


@pytest.mark.parametrize("guid", ["foo", "", "a___b", "a___b___x", "a___b___2"])
def test_other_guids_are_refused_in_the_exact_words(guid: str) -> None:  # R04
    with pytest.raises(NotFoundError) as refused:
        jsonrpc_instances.key_of(guid)
    assert str(refused.value) == f"instance_guid {guid} not handled."


def test_the_description_has_every_method() -> None:
    described = msgspec.json.decode(openapi.document())
    assert described["openapi"] == "3.0.0"
    assert described["info"] == {"title": "slapos master api", "version": "0.0.3"}
    assert described["servers"] == [{"url": "."}]
    assert set(described["paths"]) == {f"/{name}" for name in jsonrpc.METHODS}
    schemas = described["components"]["schemas"]
    assert schemas["Computer"]["required"] == ["computer_guid"]
    assert all(schema["additionalProperties"] is False for name, schema in schemas.items() if name not in _OPEN)
    assert all(schema.get("required") != [] for schema in schemas.values())


_OPEN = {"NodeStatus", "ErrorBody"}

"""Requests that this master does not serve itself: other masters, and frontends without a host (6.8, 6.10)."""

import pytest

from pilothouse.services.bypass import FRONTEND, KVM, bypass
from pilothouse.services.forwarding import Forward, OtherMaster, Unlisted, forward
from pilothouse.services.instance import InstanceKey, InstanceRequest, guid_of, id_of

SECOND = OtherMaster(url="http://second/", software=("sr",))
SAFE = OtherMaster(url="https://safe/", software=("safe",))
AS_PARTITION = OtherMaster(url="http://third/", software=("as",), computer="c", partition="p")
MASTERS = (OtherMaster(url="http://empty/"), SECOND, SAFE, AS_PARTITION)


def _asked(software: str, **given: str) -> InstanceRequest:
    return InstanceRequest(title="t", software_url=software, filter=given)


def test_what_no_other_master_lists_stays_here() -> None:
    assert forward(_asked("mine"), "", MASTERS) is None
    assert forward(_asked("mine"), "", ()) is None


def test_m01_a_person_is_named_at_the_other_master() -> None:
    found = forward(_asked("sr", region="x"), "", MASTERS)
    assert isinstance(found, Forward)
    assert found.master == SECOND
    assert found.request.title == "user_t"
    assert found.request.filter == {"region": "x", "source_instance_id": "user_t"}


def test_m04_m08_partitions_are_named_too() -> None:
    found = forward(_asked("sr"), "slappart1", MASTERS)
    assert isinstance(found, Forward)
    assert found.request.title == "slappart1_t"
    found = forward(_asked("as"), "slappart1", MASTERS)
    assert isinstance(found, Forward)
    assert found.request.filter == {}


def test_m03_a_master_can_be_named() -> None:
    found = forward(_asked("mine", master_url="http://second/"), "", MASTERS)
    assert isinstance(found, Forward)
    assert found.request.filter == {"source_instance_id": "user_t"}
    assert forward(_asked("mine", master_url="http://us/"), "", MASTERS, ours=True) is None
    assert forward(_asked("sr", master_url="http://us/"), "", MASTERS, ours=True) is None


def test_w20_an_unlisted_one_cannot() -> None:
    found = forward(_asked("mine", master_url="http://second"), "", MASTERS)
    assert found == Unlisted("External SlapOS Master URL http://second is not listed in multimaster list.")


def test_https_needs_a_certificate() -> None:
    expected = "External master https://safe/ configuration did not specify key or certificate."
    assert forward(_asked("safe"), "", MASTERS) == Unlisted(expected)


@pytest.mark.parametrize(
    ("base", "secure", "domain"),
    [
        ("", "http://[::1]:8/a?b#c", "[::1]:8"),
        ("http://us", "http://[::1]:8/a?b#c", "[::1]:8"),
        ("https://us/", "https://us/http_proxy/http/[::1]:8/a?b#c", "us"),
    ],
)
def test_h04_the_web_frontend(base: str, secure: str, domain: str) -> None:
    asked = InstanceRequest(title="t", software_url=FRONTEND, shared=True, parameters={"url": "http://[::1]:8/a?b#c"})
    answer = bypass(asked, base)
    assert answer
    assert answer.connection == {"secure_access": secure, "domain": domain}
    assert answer.partition == "Fake frontend for http://[::1]:8/a?b#c"


def test_a_frontend_for_what_is_no_address() -> None:
    asked = InstanceRequest(title="t", software_url=FRONTEND, shared=True, parameters={"url": "http://[::1"})
    answer = bypass(asked, "https://us")
    assert answer
    assert answer.connection == {"secure_access": "http://[::1", "domain": ""}


def test_h05_the_kvm_frontend() -> None:
    values = {"host": "::1", "port": "123"}
    asked = InstanceRequest(title="t", software_url=KVM, software_type="frontend", shared=True, parameters=values)
    answer = bypass(asked)
    assert answer
    url = "https://[::1]:123/"
    assert answer.connection == {"url": url, "domainname": "[::1]", "port": "123", "path": "/"}
    assert answer.partition == f"Fake KVM VNC frontend for {url}"


@pytest.mark.parametrize(
    "asked",
    [
        InstanceRequest(title="t", software_url=FRONTEND, parameters={"url": "http://a"}),
        InstanceRequest(title="t", software_url=FRONTEND, shared=True),
        InstanceRequest(title="t", software_url=FRONTEND, shared=True, software_type="x", parameters={"url": "a"}),
        InstanceRequest(title="t", software_url=KVM, shared=True, parameters={"host": "a", "port": "1"}),
        InstanceRequest(title="t", software_url="other", shared=True, parameters={"url": "a"}),
    ],
)
def test_everything_else_needs_a_host(asked: InstanceRequest) -> None:
    assert bypass(asked) is None


def test_names_that_never_change() -> None:
    assert id_of(guid_of(17)) == 17
    for other in ("", "17", "SOFTINST-", "SOFTINST-x", "SOFTINST-٣", "SOFTINST--1", "SOFTINST-" + "9" * 30):
        assert id_of(other) is None
    assert str(InstanceKey("t", "", True)) == "t______1"
    assert str(InstanceKey("t", "r", False)) == "t___r___0"

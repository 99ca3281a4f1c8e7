"""Signatures against vectors computed independently (autoexec-console.md 1.2, V1 to V5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.identity import signing
from pilothouse.jobs.secret import Secret

USER = "autoexec"
KEY = Secret("s3cr3t-token")
NODES = (
    "/neatlogic/api/binary/autoexec/job/phase/nodes/download?jobId=624490098515988&runnerId=1&passThroughEnv="
    "%7B%27runnerId%27%3A+1%2C+%27groupSort%27%3A+0%2C+%27isFirstFire%27%3A+1%7D&phase=&nodeFrom=job&lastModified=0"
)
VECTORS = [
    (
        "/neatlogic/api/rest/autoexec/job/create/param/get",
        '{"jobId": "624490098515988", "lastModified": 0}',
        "ca0ace90d673c03e34bb24509e7b3fba7ca6b824abdf0c39e70ad4dbed11d976",
    ),
    (
        "/neatlogic/api/rest/mongodb/datasource/get",
        "",
        "77b9c7674df482fe6377565426881818d4e3a0719be6b574b62b26c89f9e9197",
    ),
    (
        NODES,
        "",
        "67e76b19b3b359dffe0aa3f2458d3db30e3590090cb294261c183198d760296b",
    ),
    (
        "/neatlogic/api/rest/autoexec/job/env/update",
        '{"jobId": "1", "envName": "CITY", "envValue": "北京", "isHidden": 0}',
        "172aaf47d7cd0b584a8509cbbb100aea4c780979212909c71f8305182c38eadb",
    ),
    (
        "/neatlogic/api/binary/file/upload?param=file&type=inspectconfigfile",
        "",
        "c206c9ec13c62f78e3115f4035b30970410084111e7b08060b980331fa452f4c",
    ),
]


@pytest.mark.parametrize(("address", "body", "expected"), VECTORS)
def test_signature_is_the_documented_one(address: str, body: str, expected: str) -> None:
    assert signing.signature(USER, KEY, address, body.encode()) == expected


def test_headers_name_tenant_scheme_and_user() -> None:
    address, body, expected = VECTORS[0]
    assert signing.headers("demo", USER, KEY, address, body.encode()) == {
        "Tenant": "demo",
        "AuthType": "hmac",
        "x-access-key": "autoexec",
        "Authorization": f"Hmac {expected}",
    }


@pytest.mark.parametrize(("address", "body", "expected"), VECTORS)
def test_verify_takes_the_signature_in_either_case(address: str, body: str, expected: str) -> None:
    assert signing.verify(f"Hmac {expected}", USER, KEY, address, body.encode())
    assert signing.verify(f"Hmac {expected.upper()}", USER, KEY, address, body.encode())


@given(st.text())
def test_verify_refuses_any_other_text(text: str) -> None:
    assert not signing.verify(text, USER, KEY, "/a")
    assert not signing.verify(f"Hmac {text}", USER, KEY, "/a")


@given(st.binary(), st.binary())
def test_a_signature_is_good_for_its_body_only(body: bytes, other: bytes) -> None:
    made = f"Hmac {signing.signature(USER, KEY, '/a?b=1', body)}"
    assert signing.verify(made, USER, KEY, "/a?b=1", other) is (body == other)
    assert not signing.verify(made, USER, KEY, "/a?b=2", body)
    assert not signing.verify(made, "other", KEY, "/a?b=1", body)
    assert not signing.verify(made, USER, Secret("other"), "/a?b=1", body)

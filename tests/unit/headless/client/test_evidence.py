import pytest

from pilothouse.headless.client.address import Address, resolve
from pilothouse.headless.client.dial import wants_tls
from pilothouse.headless.client.evidence import check_evidence, choose_mechanism
from pilothouse.headless.client.stop import ParameterError, TrustError

ALL = frozenset({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CERT", "PEER"})
LOCAL = Address(2, ("127.0.0.1", 20000))
AWAY = Address(2, ("192.0.2.1", 20000))


@pytest.mark.parametrize(
    ("auth", "given", "tls", "loopback", "mechanism"),
    [
        ("challenge", "secret", False, True, "SCRAM-SHA-256"),
        ("challenge", "secret", True, False, "SCRAM-SHA-256-PLUS"),
        ("osuser", "secret certificate", True, True, "SCRAM-SHA-256-PLUS"),
        ("osuser", "certificate", True, True, "CERT"),
        ("osuser", "certificate", False, True, "PEER"),
        ("osuser", "", False, True, "PEER"),
    ],
)
def test_the_evidence_is_chosen(auth: str, given: str, tls: bool, loopback: bool, mechanism: str) -> None:
    secret, certificate = "secret" in given, "certificate" in given
    chosen = choose_mechanism(auth, ALL, secret=secret, certificate=certificate, tls=tls, loopback=loopback)
    assert chosen == mechanism


@pytest.mark.parametrize(("offered", "loopback"), [(ALL, False), (ALL - {"PEER"}, True)])
def test_check_28_an_osuser_without_evidence(offered: frozenset[str], loopback: bool) -> None:
    with pytest.raises(ParameterError, match="-p SECRET_FILE is required for auth_type osuser"):
        choose_mechanism("osuser", offered, secret=False, certificate=False, tls=not loopback, loopback=loopback)


def test_check_28_is_seen_before_anything_is_connected() -> None:
    with pytest.raises(ParameterError, match="-p SECRET_FILE is required"):
        check_evidence("osuser", secret=False, certificate=False, loopback=False)
    for given in ("secret", "certificate", "loopback"):
        check_evidence("osuser", **{name: name == given for name in ("secret", "certificate", "loopback")})
    check_evidence("challenge", secret=False, certificate=False, loopback=False)


def test_over_tls_the_login_is_bound_to_the_certificate_or_does_not_happen() -> None:
    offered = frozenset({"SCRAM-SHA-256"})
    with pytest.raises(TrustError, match="SCRAM-SHA-256-PLUS"):
        choose_mechanism("challenge", offered, secret=True, certificate=False, tls=True, loopback=False)


@pytest.mark.parametrize(
    ("address", "encrypted", "tls"),
    [
        (LOCAL, "auto", False),
        (LOCAL, "true", True),
        (LOCAL, "false", False),
        (AWAY, "auto", True),
        (AWAY, "true", True),
    ],
)
def test_tls_is_required_off_loopback(address: Address, encrypted: str, tls: bool) -> None:
    assert wants_tls(address, encrypted) is tls


def test_plain_text_to_another_computer_is_a_parameter_error() -> None:
    with pytest.raises(ParameterError, match="loopback only"):
        wants_tls(AWAY, "false")


def test_addresses_know_whether_they_are_this_computer() -> None:
    assert all(address.loopback for address in resolve("localhost", 1, 5))
    assert [address.loopback for host in ("::1", "127.1.2.3", "192.0.2.1") for address in resolve(host, 1, 5)] == [
        True,
        True,
        False,
    ]

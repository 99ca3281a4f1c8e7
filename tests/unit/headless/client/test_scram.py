import pytest
from scramp import ScramMechanism

from pilothouse.headless.client.scram import Exchange
from pilothouse.headless.client.stop import TrustError

# RFC 7677, section 3
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
VERIFIER = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_vector_of_rfc_7677() -> None:
    exchange = Exchange("user", NONCE)
    assert exchange.first == f"n,,n=user,r={NONCE}"
    assert exchange.answer(SERVER_FIRST, "pencil").endswith(f",p={PROOF}")
    exchange.verify(f"v={VERIFIER}")


def test_a_server_that_does_not_know_the_secret_is_found_out() -> None:
    exchange = Exchange("user", NONCE)
    exchange.answer(SERVER_FIRST, "pencil")
    with pytest.raises(TrustError, match="false one"):
        exchange.verify("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize("iterations", ["4095", "100001", "1", "0", "", "x"])
def test_too_few_and_too_many_iterations_are_refused(iterations: str) -> None:
    with pytest.raises(TrustError, match="iterations"):
        Exchange("user", NONCE).answer(SERVER_FIRST.replace("4096", iterations), "pencil")


def test_a_server_that_changes_the_nonce_is_refused() -> None:
    with pytest.raises(TrustError):
        Exchange("user", NONCE).answer(SERVER_FIRST.replace("rOpr", "xOpr"), "pencil")


def test_names_are_escaped_and_nonces_are_new() -> None:
    first, second = Exchange("os:a=b,c@host7"), Exchange("os:a=b,c@host7")
    assert first.first.startswith("n,,n=os:a=3Db=2Cc@host7,r=")
    assert first.first != second.first


def test_both_sides_agree() -> None:
    salt, stored, server, count = ScramMechanism("SCRAM-SHA-256").make_auth_info("secret")
    peer = ScramMechanism("SCRAM-SHA-256").make_server(lambda _: (salt, stored, server, count))
    exchange = Exchange("R41")
    peer.set_client_first(exchange.first)
    peer.set_client_final(exchange.answer(peer.get_server_first(), "secret"))
    exchange.verify(peer.get_server_final())

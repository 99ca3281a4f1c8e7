"""Which nodes the fast path takes."""

from pathlib import Path

import pytest

from pilothouse.transports.fast_path import MismatchError, algorithms, unfit
from pilothouse.transports.host_keys import Known
from pilothouse.transports.key_files import KeyFile, KeyFiles
from pilothouse.transports.known_hosts import HostKey

KEY = KeyFile(Path("/keys/a"), b"-")
NOTHING = Known((), (), (), ())


def shown(kind: str) -> HostKey:
    return HostKey(len(kind).to_bytes(4, "big") + kind.encode())


def test_a_key_or_a_password_will_do() -> None:
    assert unfit(KeyFiles((KEY,)), None) == ""
    assert unfit(KeyFiles(), "secret") == ""


def test_an_agent_alone_a_certificate_or_a_strange_password_will_not() -> None:
    assert unfit(KeyFiles(), None)
    assert "/keys/b" in unfit(KeyFiles((KEY, KeyFile(Path("/keys/b"), b"-", b"cert"))), "secret")
    reason = unfit(KeyFiles((KEY,)), "sec\0ret")
    assert reason
    assert "sec" not in reason.replace("password", "")


def test_known_keys_are_asked_for_first() -> None:
    known = Known((shown("ssh-rsa"),), (shown("ecdsa-sha2-nistp256"),), (), ())
    assert algorithms(known)[:3] == ["rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256"]
    assert "ssh-rsa" not in algorithms(known)
    assert algorithms(NOTHING)[0] == "ssh-ed25519"


@pytest.mark.parametrize(
    "known", [Known((), (), (shown("ssh-ed25519"),), ()), Known((shown("sk-ssh-ed25519@openssh.com"),), (), (), ())]
)
def test_hosts_that_libssh2_cannot_verify(known: Known) -> None:
    with pytest.raises(MismatchError):
        algorithms(known)

"""Whom the client believes to be the master, with real certificates (spec section 1.1)."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.masterstub import Answer, MasterStub

from pilothouse.errors import SettingsError
from pilothouse.slap import client
from pilothouse.slap.client import slap
from pilothouse.slap.client.trust import ENVIRONMENT


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def master(authority: trustme.CA) -> Iterator[MasterStub]:
    """A master that asks for client certificates."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    stub = MasterStub(context).start()
    stub.rules["/computerBang"] = Answer()
    yield stub
    stub.stop()


def written(authority: trustme.CA, folder: Path) -> str:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def bang(url: str, **kw: object) -> None:
    connected = slap()
    connected.initializeConnection(url, slapgrid_rest_uri="http://x/", **kw)  # type: ignore[arg-type]
    connected.registerComputer("C").bang("hello")


def test_a_master_of_the_named_authority_is_believed(master: MasterStub, authority: trustme.CA, tmp_path: Path) -> None:
    bang(master.url, master_ca_file=written(authority, tmp_path))
    assert len(master.asked) == 1


def test_any_other_master_is_not(master: MasterStub, authority: trustme.CA, tmp_path: Path) -> None:
    with pytest.raises(client.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        bang(master.url)
    with pytest.raises(client.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        bang(master.url, master_ca_file=written(trustme.CA(), tmp_path))
    with pytest.raises(client.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        # the file is an explicit wish, stronger than the leave to accept anything
        bang(master.url, master_ca_file=written(trustme.CA(), tmp_path), verify=False)
    with pytest.raises(client.ConnectionError, match="Hostname mismatch"):
        bang(master.url.replace("127.0.0.1", "localhost"), master_ca_file=written(authority, tmp_path))
    assert master.asked == []


def test_any_master_is_believed_when_that_is_asked_for(master: MasterStub, monkeypatch: pytest.MonkeyPatch) -> None:
    bang(master.url, verify=False)
    monkeypatch.setenv(ENVIRONMENT, "no")
    bang(master.url)
    with pytest.raises(client.ConnectionError):
        bang(master.url, verify=True)
    monkeypatch.setenv(ENVIRONMENT, "perhaps")
    with pytest.raises(SettingsError, match="set it to yes or no"):
        bang(master.url)
    assert len(master.asked) == 2


def test_the_client_shows_its_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    master = MasterStub(context).start()
    master.rules["/computerBang"] = Answer()
    own = authority.issue_cert("COMP-1@example.org")
    own.private_key_pem.write_to_path(tmp_path / "key")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    ca = written(authority, tmp_path)
    try:
        with pytest.raises(client.ConnectionError):
            bang(master.url, master_ca_file=ca)
        bang(master.url, key_file=str(tmp_path / "key"), cert_file=str(tmp_path / "cert"), master_ca_file=ca)
        assert len(master.asked) == 1
    finally:
        master.stop()


def test_files_that_cannot_be_used_are_named(master: MasterStub, tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(SettingsError, match="nowhere"):
        bang(master.url, master_ca_file=str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="junk"):
        bang(master.url, cert_file=str(tmp_path / "junk"), key_file=str(tmp_path / "junk"), verify=False)

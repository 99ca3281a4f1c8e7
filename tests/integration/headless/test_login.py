"""Logging in to a real server, rightly and wrongly (headless, checks C)."""

import asyncio
import getpass
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from tests import headlesscall
from tests.headlessserver import PASSWORDS, SECRETS, Guest, Server, module, serving

from pilothouse.clock import SystemClock
from pilothouse.headless import messages
from pilothouse.headless.server import credentials, oslogin
from pilothouse.store import audit, headless_accounts
from pilothouse.store.headless_accounts import OsLogin


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


class Recorder:
    """A proxy that keeps what passes, from the client and to it."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.sent = b""
        self.heard = b""

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, name: str) -> None:
            while data := await source.read(65536):
                setattr(self, name, getattr(self, name) + data)
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, far_writer, "sent"), copy(far_reader, writer, "heard"))


async def test_checks_22_and_23_nothing_to_steal_or_replay(server: Server) -> None:
    recorder = Recorder(server.port)
    proxy = await asyncio.start_server(recorder.pass_on, "127.0.0.1", 0)
    words = server.words("-t", "-1", "-m", "OK1")
    words[1] = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    async with proxy:
        assert (await headlesscall.call(words, server.folder)).code == 0
    wire = recorder.sent + recorder.heard
    assert PASSWORDS["R41"].encode() not in wire
    tail = SECRETS["R41"][29:].encode()
    assert not any(tail[at : at + 8] in wire for at in range(len(tail) - 7))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(recorder.sent)
    answer = await reader.read()
    writer.close()
    assert b"AUTH_FAILED" in answer
    assert len(list(server.spools.iterdir())) == 1


async def test_check_24_strangers_learn_nothing(server: Server) -> None:
    shown = []
    for user in ("R99", "R99", "R41"):
        guest = await Guest.to(server)
        await guest.greet()
        refused = await guest.log_in(user, SECRETS["R42"])
        challenge = guest.of(messages.Challenge)[0]
        fields = dict(part.split("=", 1) for part in challenge.scram.split(","))
        shown.append((challenge.kdf.salt, fields["s"], refused))
        assert (refused.name, refused.text) == ("AUTH_FAILED", "login refused")
    assert shown[0] == shown[1]
    assert {len(each[0]) for each in shown} == {29}
    assert len({len(each[1]) for each in shown}) == 1


async def test_check_26_outside_the_time_of_validity(server: Server) -> None:
    def end_yesterday(connection: object) -> None:
        user = headless_accounts.find_user(connection, "R41")  # type: ignore[arg-type]
        assert user is not None
        ended = {"valid_to": SystemClock().time() - 86400}
        changed = headless_accounts.HeadlessUser(**{**{n: getattr(user, n) for n in user.__struct_fields__}, **ended})
        headless_accounts.put_user(connection, changed)  # type: ignore[arg-type]

    await server.write(end_yesterday)
    answer = await server.call("-v", "-m", "OK1")
    assert answer.code == 1
    assert "validity" not in answer.out
    reasons = await server.read(lambda c: c.exec_driver_sql(
        "SELECT detail FROM audit WHERE action = 'headless login refused'").fetchall())  # fmt: skip
    assert "time of validity" in reasons[-1][0]
    assert await server.read(audit.verify) > 0


async def test_check_27_too_many_failures_from_one_address(server: Server) -> None:
    for _ in range(5):
        guest = await Guest.to(server)
        await guest.greet()
        assert (await guest.log_in("R41", SECRETS["R42"])).name == "AUTH_FAILED"
    guest = await Guest.to(server)
    await guest.greet()
    refused = await guest.log_in("R41", SECRETS["R41"])
    assert (refused.name, 0 < refused.retry_after <= 61) == ("AUTH_LATER", True)
    elsewhere = Guest(*await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0)))
    server.guests.append(elsewhere)
    await elsewhere.greet()
    assert isinstance(await elsewhere.log_in("R41", SECRETS["R41"]), messages.Welcome)


async def test_three_attempts_a_connection(server: Server) -> None:
    guest = await Guest.to(server)
    await guest.greet()
    for _ in range(3):
        assert (await guest.log_in("R77", SECRETS["R42"])).name == "AUTH_FAILED"
    assert await guest.hear() is None


async def test_check_28_the_kernels_word(server: Server) -> None:
    words = ["-s", f"127.0.0.1:{server.port}", "-a", "osuser", "-v", "-m", "OK1"]
    login = OsLogin(getpass.getuser(), oslogin.names_of_host()[0], "R41", True)
    await server.write(lambda c: headless_accounts.put_os_login(c, login))
    assert (await headlesscall.call(words, server.folder)).code == 0
    await server.write(lambda c: headless_accounts.remove_os_login(c, login))
    answer = await headlesscall.call(words, server.folder)
    assert (answer.code, "OS_NOT_MAPPED" in answer.out) == (1, True)


async def test_an_expired_credential_and_a_foreign_address(server: Server) -> None:
    now = SystemClock().time()
    for name, options in (("old", {"expires": now - 1}), ("far", {"allow_from": ("10.0.0.0/8",)}), ("near", {})):
        made = credentials.from_secret("R41", name, SECRETS["R41"], now, **options)
        await server.write(partial(headless_accounts.put_credential, credential=made))
    answers = []
    for name in ("old", "far", "near"):
        guest = await Guest.to(server)
        await guest.greet()
        answers.append(type(await guest.log_in("R41", SECRETS["R41"], cred=name)))
    assert answers == [messages.Refused, messages.Refused, messages.Welcome]


async def test_check_29_a_login_is_bound_to_the_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    ours, others = authority.issue_cert("127.0.0.1"), authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(ours.cert_chain_pems[0].bytes().decode())
    settings = {"encrypted": "true", "ca_file": str(tmp_path / "ca.pem")}
    async with serving(tmp_path, tls=context, certificate=der) as server:
        assert (await server.call("-t", "-1", "-m", "OK1", **settings)).code == 0
        middle = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        others.configure_cert(middle)
        far = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=far)

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65536):
                    target.write(data)
                target.close()

            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

        proxy = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=middle)
        words = server.words("-v", "-t", "-1", "-m", "OK1")
        words[1] = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
        async with proxy:
            answer = await headlesscall.call(words, tmp_path, settings)
        assert answer.code == 1
        assert len(list(server.spools.iterdir())) == 1


async def test_plain_speech_on_the_wrong_port_is_closed(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    assert isinstance(await (await Guest.inside(server)).start(module("OK1")), messages.Accepted)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("osuser:alice@host7", ""),
        ("osuser:alice@host8", "OS_NOT_MAPPED"),
        ("osuser:bob@host7", "OS_NOT_MAPPED"),
        ("https://host7/alice", "AUTH_FAILED"),
    ],
    ids=["mapped", "host", "account", "name"],
)
async def test_a_client_certificate_names_the_osuser(tmp_path: Path, name: str, told: str) -> None:
    settings, context = _certificates(tmp_path, name)
    async with serving(tmp_path, tls=context) as server:
        login = OsLogin("alice", "host7", "R41", True)
        await server.write(lambda c: headless_accounts.put_os_login(c, login))
        words = ["-s", f"127.0.0.1:{server.port}", "-a", "osuser", "-v", "-t", "-1", "-m", "OK1"]
        answer = await headlesscall.call(words, tmp_path, settings)
        assert (answer.code, told in answer.out) == (1 if told else 0, True)
        assert len(list(server.spools.iterdir())) == (0 if told else 1)


async def test_a_client_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    settings, context = _certificates(tmp_path, "osuser:alice@host7", trusted=False)
    async with serving(tmp_path, tls=context) as server:
        login = OsLogin("alice", "host7", "R41", True)
        await server.write(lambda c: headless_accounts.put_os_login(c, login))
        words = ["-s", f"127.0.0.1:{server.port}", "-a", "osuser", "-v", "-t", "-1", "-m", "OK1"]
        assert (await headlesscall.call(words, tmp_path, settings)).code == 1
        assert list(server.spools.iterdir()) == []


async def test_without_a_client_certificate_tls_needs_a_secret(tmp_path: Path) -> None:
    settings, context = _certificates(tmp_path, "osuser:alice@host7")
    del settings["cert_file"]
    async with serving(tmp_path, tls=context) as server:
        words = ["-s", f"127.0.0.1:{server.port}", "-a", "osuser", "-m", "OK1"]
        answer = await headlesscall.call(words, tmp_path, settings)
        assert answer.code == 2
        assert list(server.spools.iterdir()) == []


def _certificates(folder: Path, name: str, *, trusted: bool = True) -> tuple[dict[str, str], ssl.SSLContext]:
    """Return the settings of a client whose certificate has this URI, and a server's context that asks for it."""
    authority, others = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    authority.configure_trust(context)
    written = folder / "client.pem"
    written.touch(mode=0o600)
    written.write_bytes(_issue(authority if trusted else others, name))
    return {"encrypted": "true", "ca_file": str(folder / "ca.pem"), "cert_file": str(written)}, context


def _issue(authority: trustme.CA, name: str) -> bytes:
    """Return a key and its certificate, which trustme itself makes for hosts only."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = load_pem_private_key(authority.private_key_pem.bytes(), None)
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "batches")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return plain + certificate.public_bytes(Encoding.PEM)

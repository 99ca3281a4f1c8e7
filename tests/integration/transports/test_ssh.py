"""Logging in by SSH: who is asked, who is trusted, and what every refusal says."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import msgspec
import pytest
from tests.conftest import MakeSshd
from tests.machine import Machine, until
from tests.sshd import Sshd, free_port, make_key

from pilothouse.errors import AuthenticationError, HostKeyError, UnreachableError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings
from pilothouse.transports.ssh import SshTransport

PASSWORD = "a'b\"c $x 密码"


PATH = {"ssh": "auto"}


@pytest.fixture(params=["auto", "general"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Everything here holds whoever does it: with the fast path before it, and without."""
    monkeypatch.setitem(PATH, "ssh", request.param)
    return str(request.param)


@asynccontextmanager
async def transport(settings: Settings, **more: object) -> AsyncIterator[SshTransport]:
    settings = msgspec.structs.replace(settings, ssh_path=PATH["ssh"])
    made = SshTransport(settings, **more)  # type: ignore[arg-type]
    yield made
    await made.close()


async def refusal(settings: Settings, node: Node) -> str:
    async with transport(settings) as made:
        with pytest.raises((AuthenticationError, HostKeyError, UnreachableError)) as caught:
            await made.connect(node)
    return f"{type(caught.value).__name__}: {caught.value}"


class PasswordServer(asyncssh.SSHServer):
    """Takes one password; a peer that needs no account of the machine's."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("someone", PASSWORD)


@pytest.fixture
async def password_peer(tmp_path: Path) -> AsyncIterator[tuple[int, Settings]]:
    make_key(tmp_path / "host")
    server = await asyncssh.create_server(
        PasswordServer, "127.0.0.1", 0, server_host_keys=[str(tmp_path / "host")], process_factory=lambda _: None
    )
    yield server.get_port(), Settings(data=tmp_path, host_keys="accept-any", connect_timeout=10)
    server.close()
    await server.wait_closed()


def password_node(port: int, password: str) -> Node:
    return Node(resource_id=1, host="127.0.0.1", protocol_port=port, username="someone", password=Secret(password))


async def test_a_password_logs_in(password_peer: tuple[int, Settings]) -> None:
    port, settings = password_peer
    async with transport(settings) as made:
        await (await made.connect(password_node(port, PASSWORD))).close()


async def test_a_sealed_password_is_opened(password_peer: tuple[int, Settings]) -> None:
    port, settings = password_peer
    async with transport(settings, open_secret=lambda secret: secret.reveal()[::-1]) as made:
        await (await made.connect(password_node(port, PASSWORD[::-1]))).close()


async def test_a_wrong_password_says_who_and_what(password_peer: tuple[int, Settings]) -> None:
    port, settings = password_peer
    text = await refusal(settings, password_node(port, "wrong-one"))
    assert text.startswith("AuthenticationError")
    assert "'someone'" in text
    assert "the node's password" in text
    assert "wrong-one" not in text


@pytest.fixture
def account() -> Iterator[str]:
    """An account of the machine with a password; only root can make one."""
    name = f"pilot{os.getpid()}"
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input="right", stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    subprocess.run(["useradd", "-M", "-d", "/tmp", "-s", "/bin/sh", "-p", hashed, name], check=True)
    yield name
    subprocess.run(["userdel", name], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an account; the peer above stands in for it")
async def test_openssh_takes_a_password_and_refuses_a_wrong_one(account: str, make_sshd: MakeSshd) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    async with transport(server.settings()) as made:
        await (await made.connect(server.node(user=account, password="right"))).close()
    text = await refusal(server.settings(), server.node(user=account, password="wrong"))
    assert text.startswith("AuthenticationError")
    assert account in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
async def test_a_folder_of_somebody_else_is_refused(account: str, make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    async with transport(server.settings()) as made:
        machine = Machine(made, server.node(user=account, password="right"), Path(f"/tmp/{account}"))
        machine.folder.parent.mkdir(mode=0o777)
        machine.folder.parent.chmod(0o777)
        machine.folder.mkdir()
        machine.folder.chmod(0o777)
        try:
            with pytest.raises(Exception, match="belongs to another user"):
                await machine.run(machine.shell("echo ran >ran"))
            assert not list(machine.folder.iterdir())
        finally:
            shutil.rmtree(machine.folder.parent)


async def test_a_key_nobody_knows_is_refused_and_named(sshd: Sshd, tmp_path: Path) -> None:
    text = await refusal(sshd.settings(identities=(tmp_path / "missing",)), sshd.node())
    assert text.startswith("AuthenticationError")
    assert f"key {tmp_path}/missing does not exist" in text


async def test_a_locked_key_says_how_to_use_it(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "locked", "passphrase")
    text = await refusal(sshd.settings(identities=(tmp_path / "locked",)), sshd.node())
    assert text.startswith("AuthenticationError")
    assert f"key {tmp_path}/locked is locked by a passphrase" in text
    assert "ssh-add" in text


async def test_an_agent_is_asked(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        await until(socket.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", str(sshd.identity)], check=True)
        async with transport(sshd.settings(identities=())) as made:
            await (await made.connect(sshd.node())).close()
    finally:
        agent.terminate()
        agent.wait(30)


async def test_an_agent_that_is_gone_is_no_obstacle(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    async with transport(sshd.settings()) as made:
        await (await made.connect(sshd.node())).close()


async def test_the_user_falls_back_to_ones_own(sshd: Sshd) -> None:
    async with transport(sshd.settings()) as made:
        await (await made.connect(sshd.node(user=""))).close()


async def test_an_unknown_host_key_says_how_to_accept_it(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    text = await refusal(sshd.settings(known_hosts=(known,)), sshd.node())
    assert text.startswith("HostKeyError")
    assert "unknown" in text
    assert "SHA256:" in text
    assert "accept-new" in text
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1 >> '{known}'" in text
    assert not known.exists()


async def test_the_proposed_line_works(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    with known.open("wb") as stream:
        command = ["ssh-keyscan", "-p", str(sshd.port), "127.0.0.1"]
        subprocess.run(command, stdout=stream, stderr=subprocess.DEVNULL, check=True)
    async with transport(sshd.settings(known_hosts=(known,))) as made:
        await (await made.connect(sshd.node())).close()


async def test_a_new_host_key_is_kept_once_when_asked_to(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "new" / "known"
    settings = sshd.settings(known_hosts=(known,), host_keys="accept-new")
    async with transport(settings) as made:
        links = await asyncio.gather(*(made.connect(sshd.node(number)) for number in range(4)))
        for link in links:
            await link.close()
    assert known.read_text() == sshd.known_hosts.read_text()
    async with transport(sshd.settings(known_hosts=(known,))) as made:
        await (await made.connect(sshd.node())).close()


async def test_a_known_hosts_file_without_a_last_line_end_is_continued(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("other.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG\nbroken line")
    async with transport(sshd.settings(known_hosts=(known,), host_keys="accept-new")) as made:
        await (await made.connect(sshd.node())).close()
    assert known.read_text().endswith("\nbroken line\n" + sshd.known_hosts.read_text())


@pytest.mark.parametrize("policy", ["verify", "accept-new"])
async def test_a_changed_host_key_is_refused_and_placed(make_sshd: MakeSshd, policy: str) -> None:
    server = make_sshd()
    old = _fingerprint(server.host_key)
    server.known_hosts.write_text("# a comment\n" + server.known_hosts.read_text())
    server.change_host_key()
    text = await refusal(server.settings(host_keys=policy), server.node())
    assert text.startswith("HostKeyError")
    assert "HAS CHANGED" in text
    assert old in text
    assert _fingerprint(server.host_key) in text
    assert f"{server.known_hosts} line 2" in text
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}' -f '{server.known_hosts}'" in text


async def test_a_changed_key_passes_only_when_anything_is_accepted(make_sshd: MakeSshd) -> None:
    server = make_sshd()
    server.change_host_key()
    async with transport(server.settings(host_keys="accept-any")) as made:
        await (await made.connect(server.node())).close()


async def test_a_revoked_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    line = sshd.known_hosts.read_text()
    known.write_text(f"{line}@revoked {line}")
    assert "revoked" in await refusal(sshd.settings(known_hosts=(known,)), sshd.node())


async def test_hashed_names_are_understood(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    shutil.copy(sshd.known_hosts, known)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text()
    async with transport(sshd.settings(known_hosts=(known,))) as made:
        await (await made.connect(sshd.node())).close()


async def test_the_cheap_algorithms_are_chosen(make_sshd: MakeSshd) -> None:
    server = make_sshd(LogLevel="DEBUG1")
    async with transport(server.settings()) as made:
        await (await made.connect(server.node())).close()
    log = server.log.read_text()
    assert "kex: algorithm: curve25519-sha256" in log
    assert "kex: client->server cipher: aes128-gcm@openssh.com" in log


# what such servers offer is on its way out of the cryptography library too
@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
async def test_old_servers_are_still_served(make_sshd: MakeSshd) -> None:
    server = make_sshd(KexAlgorithms="diffie-hellman-group14-sha256", Ciphers="aes256-ctr", MACs="hmac-sha2-256")
    async with transport(server.settings()) as made:
        await (await made.connect(server.node())).close()


async def test_noise_of_the_login_stays_out_of_the_log(make_sshd: MakeSshd, tmp_path: Path) -> None:
    noisy = tmp_path / "noisy"
    noisy.write_text('#!/bin/sh\necho Welcome; echo careful >&2; eval "$SSH_ORIGINAL_COMMAND"\n')
    noisy.chmod(0o755)
    server = make_sshd(ForceCommand=str(noisy))
    async with transport(server.settings()) as made:
        machine = Machine(made, server.node(), tmp_path)
        ended, output = await machine.run(machine.shell("echo mine"))
    assert (ended.code, output) == (0, b"mine\n")


async def test_a_login_that_runs_nothing_shows_what_it_said(make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd(ForceCommand="echo This account is closed; exit 1")
    async with transport(server.settings()) as made:
        machine = Machine(made, server.node(), tmp_path)
        with pytest.raises(Exception, match="This account is closed"):
            await machine.run(machine.shell("echo mine"))


async def test_too_many_sessions_is_said_plainly(make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd(MaxSessions="1")
    async with transport(server.settings()) as made:
        machine = Machine(made, server.node(), tmp_path)
        connection = await made.connect(server.node())
        first = await connection.start(machine.launch("sleep", "60"), lambda _: None)
        with pytest.raises(Exception, match="MaxSessions"):
            await connection.start(machine.launch("true"), lambda _: None)
        await first.abort()
        await connection.close()


async def test_fifty_connections_at_once(make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd()
    async with transport(server.settings(handshakes=20, connect_timeout=60.0)) as made:

        async def one(number: int) -> bytes:
            machine = Machine(made, server.node(number), tmp_path)
            return (await machine.run(machine.launch("echo", str(number), folder=f"{tmp_path}/{number}")))[1]

        assert await asyncio.gather(*(one(number) for number in range(50))) == [b"%d\n" % n for n in range(50)]


async def test_a_server_that_is_too_busy_is_asked_again(make_sshd: MakeSshd) -> None:
    server = make_sshd(MaxStartups="2:100:2")
    async with transport(server.settings(handshakes=12)) as made:
        links = await asyncio.gather(*(made.connect(server.node(number)) for number in range(12)))
        for link in links:
            await link.close()


async def test_nobody_listening(tmp_path: Path) -> None:
    node = Node(resource_id=7, host="127.0.0.1", protocol_port=free_port())
    text = await refusal(Settings(data=tmp_path), node)
    assert text.startswith("UnreachableError")
    assert "refuses connections" in text
    assert str(node.protocol_port) in text


async def test_a_name_nobody_knows(tmp_path: Path) -> None:
    text = await refusal(Settings(data=tmp_path), Node(resource_id=7, host="no-such-host.invalid"))
    assert text.startswith("UnreachableError")
    assert "'no-such-host.invalid' cannot be resolved" in text


async def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    async with _listener(b"", hold=True) as port:
        text = await refusal(Settings(data=tmp_path, connect_timeout=0.5), _node(port))
    assert text.startswith("UnreachableError")
    assert "within 0.5 s (setting connect_timeout)" in text


async def test_a_server_that_stops_in_the_middle_of_the_handshake(tmp_path: Path) -> None:
    async with _listener(b"SSH-2.0-Half\r\n", hold=True) as port:
        text = await refusal(Settings(data=tmp_path, connect_timeout=0.5), _node(port))
    assert "within 0.5 s" in text


async def test_a_server_of_another_kind(tmp_path: Path) -> None:
    async with _listener(b"HTTP/1.1 400 Bad Request\r\n\r\n", hold=True) as port:
        text = await refusal(Settings(data=tmp_path, connect_timeout=10), _node(port))
    assert text.startswith("UnreachableError")
    assert "is no SSH server: it began with b'HTTP/1.1 400" in text


async def test_a_server_that_hangs_up_at_once(tmp_path: Path) -> None:
    async with _listener(b"", hold=False) as port:
        text = await refusal(Settings(data=tmp_path, connect_timeout=30), _node(port))
    assert text.startswith("UnreachableError")
    assert "MaxStartups" in text


@asynccontextmanager
async def _listener(greeting: bytes, *, hold: bool) -> AsyncIterator[int]:
    done = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        if hold:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    done.set()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


def _node(port: int) -> Node:
    return Node(resource_id=1, host="127.0.0.1", protocol_port=port)


def _fingerprint(key: Path) -> str:
    listing = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(key) + ".pub"], stdout=subprocess.PIPE, text=True, check=True
    )
    return listing.stdout.split()[1]

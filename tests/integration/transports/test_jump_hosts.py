"""Nodes behind jump hosts, user certificates, and agents: what only the general path does."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.conftest import MakeSshd
from tests.machine import Machine, until
from tests.sshd import Sshd, free_port, make_key

from pilothouse.errors import AuthenticationError, HostKeyError, SettingsError, UnreachableError
from pilothouse.jobs.access import Access, Hop
from pilothouse.jobs.nodes import Node
from pilothouse.transports.ssh import SshTransport


def behind(node: Node, *hops: Hop) -> Node:
    return msgspec.structs.replace(node, access=Access(hops=hops))


def together(*servers: Sshd) -> Path:
    """Return a known_hosts file that knows them all."""
    path = servers[0].folder / "all_known"
    path.write_text("".join(server.known_hosts.read_text() for server in servers))
    return path


def connections(server: Sshd) -> int:
    return server.log.read_text().count("Accepted publickey")


async def test_many_nodes_share_one_connection_to_their_jump_host(make_sshd: MakeSshd, tmp_path: Path) -> None:
    jump, target = make_sshd(), make_sshd()
    target.identity = jump.identity
    settings = jump.settings(
        known_hosts=(together(jump, target),), identities=(jump.identity, tmp_path / "sshd-1/id_ed25519")
    )
    transport = SshTransport(settings)

    async def one(number: int) -> bytes:
        node = behind(target.node(number), Hop("127.0.0.1", jump.user, jump.port))
        made = Machine(transport, node, tmp_path)
        return (await made.run(made.launch("echo", str(number), folder=f"{tmp_path}/{number}")))[1]

    assert await asyncio.gather(*map(one, range(1, 6))) == [b"%d\n" % number for number in range(1, 6)]
    assert (connections(jump), connections(target)) == (1, 5)
    await transport.close()
    await until(lambda: not jump.sessions())


async def test_the_setting_holds_unless_the_node_says_otherwise(make_sshd: MakeSshd, tmp_path: Path) -> None:
    jump, target = make_sshd(), make_sshd()
    settings = target.settings(
        known_hosts=(together(jump, target),),
        identities=(jump.identity, target.identity),
        proxy_jump=f"{jump.user}@127.0.0.1:{jump.port}",
    )
    transport = SshTransport(settings)
    await (await transport.connect(target.node())).close()
    assert connections(jump) == 1
    await (await transport.connect(behind(target.node()))).close()
    assert connections(jump) == 1
    await transport.close()
    with pytest.raises(SettingsError, match="proxy_jump"):
        SshTransport(target.settings(proxy_jump="a b"))


async def test_two_jump_hosts_in_a_row(make_sshd: MakeSshd, tmp_path: Path) -> None:
    first, second, target = make_sshd(), make_sshd(), make_sshd()
    servers = (first, second, target)
    settings = target.settings(
        known_hosts=(together(*servers),), identities=tuple(server.identity for server in servers)
    )
    transport = SshTransport(settings)
    hops = tuple(Hop("127.0.0.1", server.user, server.port) for server in (first, second))
    made = Machine(transport, behind(target.node(), *hops), tmp_path)
    assert (await made.run(made.launch("echo", "there")))[1] == b"there\n"
    assert [connections(server) for server in servers] == [1, 1, 1]
    await transport.close()


async def test_what_is_wrong_is_told_of_the_right_machine(make_sshd: MakeSshd, tmp_path: Path) -> None:
    jump, target = make_sshd(), make_sshd()
    hop = Hop("127.0.0.1", jump.user, jump.port)
    keys = (jump.identity, target.identity)

    async def refused(node: Node, *known: Sshd, identities: tuple[Path, ...] = keys) -> str:
        transport = SshTransport(target.settings(known_hosts=(together(*known),), identities=identities))
        with pytest.raises((HostKeyError, AuthenticationError, UnreachableError)) as caught:
            await transport.connect(node)
        await transport.close()
        return f"{type(caught.value).__name__} {caught.value}"

    node = behind(target.node(), hop)
    assert f"[127.0.0.1]:{target.port}: the host key is unknown" in await refused(node, jump)
    text = await refused(node, target)
    assert text.startswith("HostKeyError")
    assert "its jump host 127.0.0.1 cannot be used" in text
    assert "AuthenticationError" in await refused(node, jump, target, identities=(target.identity,))
    nobody = behind(Node(resource_id=3, host="127.0.0.1", protocol_port=free_port()), hop)
    assert "cannot be reached from its jump host" in await refused(nobody, jump, target)
    gone = behind(target.node(), Hop("127.0.0.1", "", free_port()))
    assert "refuses connections" in await refused(gone, jump, target)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    socket = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield socket
    process.terminate()
    process.wait(30)


async def test_an_agent_logs_in_after_a_key_that_does_not_fit(make_sshd: MakeSshd, agent: Path, tmp_path: Path) -> None:
    server = make_sshd(LogLevel="DEBUG1")
    make_key(tmp_path / "other")
    await until(agent.exists)
    subprocess.run(["ssh-add", "-q", str(server.identity)], check=True)
    transport = SshTransport(server.settings(identities=(tmp_path / "other",)))
    await (await transport.connect(server.node())).close()
    await transport.close()
    log = server.log.read_text()
    assert "libssh2" in log, "the key file was not tried on the fast path first"
    assert "Accepted publickey" in log


async def test_a_user_certificate_logs_in_where_only_its_authority_is_known(
    make_sshd: MakeSshd, tmp_path: Path
) -> None:
    authority, key = tmp_path / "authority", tmp_path / "mine"
    make_key(authority)
    make_key(key)
    server = make_sshd(TrustedUserCAKeys=f"{authority}.pub", AuthorizedKeysFile="none")
    transport = SshTransport(server.settings(identities=(key,)))
    with pytest.raises(AuthenticationError):
        await transport.connect(server.node())
    await transport.close()
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-n", server.user, f"{key}.pub"]
    subprocess.run(sign, check=True)
    assert (tmp_path / "mine-cert.pub").exists()
    transport = SshTransport(server.settings(identities=(key,)))
    await (await transport.connect(server.node())).close()
    await transport.close()
    assert "Accepted publickey" in server.log.read_text()
    assert "ED25519-CERT" in server.log.read_text()

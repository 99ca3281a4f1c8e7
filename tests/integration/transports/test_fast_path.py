"""The fast path with real servers: that it is taken, what it hands over, and that it never blocks."""

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import MakeSshd
from tests.machine import Machine, until
from tests.sshd import Sshd, make_key

from pilothouse.errors import AuthenticationError, ConnectionLostError, TargetError, UnreachableError
from pilothouse.settings import Settings
from pilothouse.transports.contract import UploadFile
from pilothouse.transports.ssh import SshTransport


async def logged_in(settings: Settings, server: Sshd) -> None:
    transport = SshTransport(settings)
    await (await transport.connect(server.node())).close()
    await transport.close()


def clients(server: Sshd) -> list[str]:
    """Return the programs that called, as the server noted them."""
    lines = server.log.read_text().splitlines()
    return ["libssh2" if "libssh2" in line else "other" for line in lines if "remote software version" in line]


async def test_it_is_taken_for_a_plain_key(make_sshd: MakeSshd) -> None:
    server = make_sshd(LogLevel="DEBUG1")
    await logged_in(server.settings(), server)
    await logged_in(server.settings(ssh_path="general"), server)
    assert clients(server) == ["libssh2", "other"]


@pytest.mark.parametrize(
    ("kind", "words"), [("ecdsa", ()), ("rsa", ()), ("rsa", ("-m", "PEM")), ("ecdsa", ("-m", "PKCS8"))]
)
async def test_keys_of_every_kind(make_sshd: MakeSshd, tmp_path: Path, kind: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path), *words], check=True)
    server = make_sshd(AuthorizedKeysFile=f"{path}.pub")
    await logged_in(server.settings(identities=(path,), ssh_path="fast"), server)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
async def test_host_keys_of_every_kind(make_sshd: MakeSshd, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "host"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    server = make_sshd(HostKey=str(path))
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {path.with_suffix('.pub').read_text()}")
    await logged_in(server.settings(ssh_path="fast"), server)


async def test_the_known_one_of_two_host_keys_is_asked_for(make_sshd: MakeSshd, tmp_path: Path) -> None:
    path = tmp_path / "host"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(path)], check=True)
    server = make_sshd(HostKey=f"{tmp_path}/sshd-0/host_ed25519\nHostKey {path}")
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {path.with_suffix('.pub').read_text()}")
    await logged_in(server.settings(ssh_path="fast"), server)


async def test_a_second_key_is_tried(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    await logged_in(sshd.settings(identities=(tmp_path / "other", sshd.identity), ssh_path="fast"), sshd)


# what old servers offer is on its way out of the cryptography library too
@pytest.mark.filterwarnings("ignore:Diffie-Hellman over finite fields")
async def test_what_is_not_for_the_fast_path_is_handed_over(make_sshd: MakeSshd) -> None:
    server = make_sshd(LogLevel="DEBUG1", KexAlgorithms="diffie-hellman-group14-sha256")
    await logged_in(server.settings(), server)
    assert clients(server) == ["libssh2", "other"]
    with pytest.raises(UnreachableError, match="the fast path cannot serve it"):
        await logged_in(server.settings(ssh_path="fast"), server)


async def test_a_refused_login_is_told_by_the_general_path(make_sshd: MakeSshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    server = make_sshd()
    with pytest.raises(AuthenticationError, match=f"offered: key {tmp_path}/other"):
        await logged_in(server.settings(identities=(tmp_path / "other",)), server)


async def test_new_keys_while_data_flows(make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd(RekeyLimit="64K")
    transport = SshTransport(server.settings(ssh_path="fast"))
    machine = Machine(transport, server.node(), tmp_path)
    content = hashlib.shake_256(b"some").digest(1_000_000)
    launch = machine.shell("cat up up up", files=(UploadFile("up", content),), collect=("up",))
    ended, output = await machine.run(launch)
    assert ended.code == 0
    assert output == content * 3
    assert ended.collected == {"up": content}
    await transport.close()


async def test_a_flood_on_one_node_leaves_the_others_their_turn(sshd: Sshd, tmp_path: Path) -> None:
    transport = SshTransport(sshd.settings(ssh_path="fast"))
    machine = Machine(transport, sshd.node(), tmp_path)
    flooded, other = await transport.connect(sshd.node()), await transport.connect(sshd.node(2))
    count = 0

    def take(data: bytes) -> None:
        nonlocal count
        count += len(data)

    flood = await flooded.start(machine.shell("yes", folder=f"{tmp_path}/flood"), take)
    async with asyncio.timeout(30):
        for _ in range(3):
            assert (await machine.run(machine.launch("echo", "here"), other))[1] == b"here\n"
    assert count > 1_000_000
    flood.pause_reading()
    await asyncio.sleep(0.2)
    seen = count
    await asyncio.sleep(0.3)
    assert count == seen, "what is paused still came"
    flood.resume_reading()
    await asyncio.sleep(0.3)
    assert count > seen
    assert (await flood.abort()).outcome == "killed"
    await flooded.close()
    await other.close()


async def test_asyncssh_is_not_loaded(sshd: Sshd) -> None:
    source = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from pilothouse.jobs.nodes import Node\n"
        "from pilothouse.settings import Settings\n"
        "from pilothouse.transports.ssh import SshTransport\n"
        "home = Path(sys.argv[1])\n"
        "settings = Settings(data=home, known_hosts=(home / 'known_hosts',), identities=(home / 'id_ed25519',))\n"
        "node = Node(resource_id=1, host='127.0.0.1', protocol_port=int(sys.argv[2]))\n"
        "async def main():\n"
        "    await (await SshTransport(settings).connect(node)).close()\n"
        "asyncio.run(main())\n"
        "assert 'ssh2' in sys.modules and 'asyncssh' not in sys.modules\n"
    )
    words = [sys.executable, "-c", source, str(sshd.folder), str(sshd.port)]
    process = await asyncio.create_subprocess_exec(*words, env={"PYTHONPATH": str(Path(__file__).parents[3] / "src")})
    assert await process.wait() == 0


async def test_files_are_copied_over_the_same_connection_while_an_operation_runs(
    make_sshd: MakeSshd, tmp_path: Path
) -> None:
    server = make_sshd(LogLevel="DEBUG1")
    transport = SshTransport(server.settings(ssh_path="fast"))
    machine = Machine(transport, server.node(), tmp_path)
    source, there = tmp_path / "source", tmp_path / "there"
    source.write_bytes(bytes(range(256)) * 20_000)
    source.chmod(0o751)
    connection = await transport.connect(machine.node)
    output = bytearray()
    process = await connection.start(machine.shell("for n in 1 2 3 4 5; do echo $n; sleep 0.05; done"), output.extend)
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(connection.upload(str(source), f"{there}-{number}"))
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(connection.download(f"{there}-{number}", f"{there}-{number}-back"))
    for number in range(3):
        for path in (Path(f"{there}-{number}"), Path(f"{there}-{number}-back")):
            assert path.read_bytes() == source.read_bytes()
            assert path.stat().st_mode & 0o777 == 0o751
    with pytest.raises(TargetError, match="no such file"):
        await connection.download(str(tmp_path / "none"), str(there))
    assert (await process.exited()).code == 0
    assert output == b"1\n2\n3\n4\n5\n"
    await process.settle(clean=True)
    await connection.close()
    await transport.close()
    assert clients(server) == ["libssh2"]


async def test_a_copy_on_a_connection_that_is_cut_is_told(make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd()
    transport = SshTransport(server.settings(ssh_path="fast"))
    connection = await transport.connect(server.node())
    copy = asyncio.create_task(connection.download("/dev/zero", str(tmp_path / "zeros")))
    await until((tmp_path / "zeros").exists)
    await connection.close()
    with pytest.raises(ConnectionLostError):
        await copy
    await transport.close()

"""Operations as another user: for real, with accounts that live as long as the test."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.conftest import MakeSshd
from tests.machine import Machine, alive, known_group, until
from tests.sshd import Sshd

from pilothouse.errors import ConnectionLostError, TargetError
from pilothouse.jobs.access import Access, Become
from pilothouse.jobs.secret import Secret
from pilothouse.transports.ssh import SshTransport

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make accounts"),
    pytest.mark.usefixtures("patient_aborts"),
]
PASSWORD = "ri ght'\"$x"
STUBBORN = "trap '' TERM; (trap '' TERM; sleep 297; sleep 297) & echo up; sleep 296; sleep 296"


@pytest.fixture
def accounts() -> Iterator[tuple[str, str]]:
    """Two accounts: who logs in, and who is become; the second one has a password."""
    names = (f"ph-in-{os.getpid()}", f"ph-as-{os.getpid()}")
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    for name in names:
        subprocess.run(["useradd", "-M", "-d", "/tmp", "-s", "/bin/sh", "-p", hashed, name], check=True)
    yield names
    for name in names:
        subprocess.run(["userdel", "-f", name], check=True, stderr=subprocess.DEVNULL)


@pytest.fixture
def folder(accounts: tuple[str, str]) -> Iterator[Path]:
    """A folder in which both may work."""
    path = Path(f"/tmp/{accounts[0]}")
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def machine(server: Sshd, path: str, home: Path, login: str, user: str, method: str, password: str) -> Machine:
    become = Become(user=user, method=method, password=Secret(password))
    # the account cannot read the key of the tests, so it logs in by password too
    node = server.node(user=login, password="" if login == "root" else PASSWORD)
    node = msgspec.structs.replace(node, access=Access(become=become))
    return Machine(SshTransport(server.settings(ssh_path=path)), node, home)


METHODS = ["su", "sudo"]


@pytest.mark.parametrize("method", METHODS)
async def test_root_becomes_anybody_without_a_password(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path, method: str
) -> None:
    made = machine(make_sshd(PasswordAuthentication="yes"), ssh_path, folder, "root", accounts[1], method, "")
    launch = made.shell("id -un; echo $HOME; pwd; ls -ld . | cut -d' ' -f3; echo x >out; exit 0", collect=("out",))
    ended, output = await made.run(launch)
    assert (ended.code, ended.collected) == (0, {"out": b"x\n"})
    assert output.decode().split() == [accounts[1], "/tmp", str(made.folder), accounts[1]]
    assert not made.folder.exists()
    await made.transport.close()


async def test_a_password_is_given_when_it_is_asked_for(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    made = machine(make_sshd(PasswordAuthentication="yes"), ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    ended, output = await made.run(made.shell("id -un; cat /proc/$$/cmdline /proc/$PPID/cmdline; exit 3"))
    assert ended.code == 3
    assert output.startswith(accounts[1].encode())
    assert PASSWORD.encode() not in output
    await made.transport.close()


async def test_a_question_is_heard_also_when_it_comes_together_with_the_start(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    made = machine(make_sshd(PasswordAuthentication="yes"), ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    connection = await made.transport.connect(made.node)
    others = asyncio.ensure_future(keep_the_loop_busy())
    try:
        async with asyncio.timeout(30):
            assert (await made.run(made.shell("exit 3"), connection))[0].code == 3
    finally:
        others.cancel()
    await connection.close()
    await made.transport.close()


async def keep_the_loop_busy() -> None:
    """Let everything that can come have come whenever the loop looks."""
    while True:
        time.sleep(0.2)
        await asyncio.sleep(0)


@pytest.mark.parametrize(("password", "text"), [("wrong", "Authentication failure"), ("", "set becomePassword")])
async def test_a_wrong_or_missing_password_is_told(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path, password: str, text: str
) -> None:
    made = machine(make_sshd(PasswordAuthentication="yes"), ssh_path, folder, accounts[0], accounts[1], "su", password)
    with pytest.raises(TargetError, match=text) as caught:
        await made.run(made.shell("id -un"))
    assert "wrong" not in str(caught.value)
    await made.transport.close()


async def test_abort_reaches_the_other_users_processes(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    made = machine(make_sshd(PasswordAuthentication="yes"), ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    connection = await made.transport.connect(made.node)
    process = await connection.start(made.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    await until(lambda: len(alive(group)) >= 3)
    kill = await process.abort()
    assert (kill.outcome, kill.group) == ("killed", group)
    assert alive(group) == []
    await connection.close()
    await made.transport.close()


async def test_the_lifeline_reaches_them_too(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    made = machine(server, ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    connection = await made.transport.connect(made.node)
    process = await connection.start(made.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    await until(lambda: len(alive(group)) >= 3)
    assert server.cut()
    with pytest.raises(ConnectionLostError):
        await process.exited()
    await until(lambda: not alive(group))
    await connection.close()
    await made.transport.close()


async def test_a_new_connection_ends_what_a_lost_one_left(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    made = machine(server, ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    connection = await made.transport.connect(made.node)
    process = await connection.start(made.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    frozen = server.sessions()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    await connection.close()
    with pytest.raises(ConnectionLostError):
        await process.exited()
    async with asyncio.timeout(30):
        kill = await process.abort()
    assert (kill.outcome, kill.group) == ("killed", group)
    assert alive(group) == []
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    await made.transport.close()


async def test_files_are_fetched_as_the_other_user(
    make_sshd: MakeSshd, ssh_path: str, accounts: tuple[str, str], folder: Path
) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    made = machine(server, ssh_path, folder, accounts[0], accounts[1], "su", PASSWORD)
    secret = folder / "it's secret"
    secret.write_bytes(bytes(range(256)) * 40_000)
    secret.chmod(0o640)
    shutil.chown(secret, accounts[1], accounts[1])
    back = folder / "back"
    connection = await made.transport.connect(made.node)
    await connection.download(str(secret), str(back))
    assert back.read_bytes() == secret.read_bytes()
    assert back.stat().st_mode & 0o777 == 0o640
    for missing in (folder / "none", folder):
        with pytest.raises(TargetError, match="the copy failed"):
            await connection.download(str(missing), str(back))
    await connection.close()
    await made.transport.close()
    assert list(Path("/tmp").glob("autoexec-copy-*")) == []

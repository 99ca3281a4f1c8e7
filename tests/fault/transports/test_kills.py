"""Engines that are killed and connections that are cut: nothing is left running, nothing runs twice."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import MakeSshd
from tests.machine import Machine, alive, known_group, until
from tests.sshd import Sshd

from pilothouse.errors import ConnectionLostError, TargetError
from pilothouse.transports.contract import Launch
from pilothouse.transports.ssh import SshTransport

ENGINE = Path(__file__).with_name("engine.py")
# a leader and grandchildren that ignore TERM, one of them in a process group of its own
STUBBORN = (
    "trap '' TERM; (trap '' TERM; sleep 299; sleep 299) & (set -m; sleep 298 & wait) & echo up; sleep 300; sleep 300"
)


class Engine:
    """A process that can be killed at any moment."""

    def __init__(self, machine: Machine, sshd: Sshd, launch: Launch) -> None:
        port = str(machine.node.protocol_port)
        words = (machine.kind, str(sshd.folder), port, launch.folder, launch.token, launch.argv[-1])
        source = f"{Path(__file__).parents[3] / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        self._process = subprocess.Popen(
            [sys.executable, str(ENGINE), *words], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": source}
        )

    async def line(self) -> str:
        assert self._process.stdout is not None
        return (await asyncio.to_thread(self._process.stdout.readline)).decode().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    started: list[Engine] = []
    yield started
    for engine in started:
        engine.kill()


async def test_a_killed_engine_leaves_nothing_running(machine: Machine, sshd: Sshd, engines: list[Engine]) -> None:
    launch = machine.shell(STUBBORN)
    engines.append(Engine(machine, sshd, launch))
    assert await engines[0].line() == "up"
    group = recorded_group(machine, launch)
    await until(lambda: len(alive(group)) >= 4)
    engines[0].kill()
    await until(lambda: not alive(group))
    assert not rc(machine, launch).exists()


async def test_an_operation_that_writes_is_ended_without_an_exit(
    machine: Machine, sshd: Sshd, engines: list[Engine]
) -> None:
    launch = machine.shell("sleep 300 & echo up; trap 'exit 3' PIPE; while echo more; do sleep 0.01; done; exit 4")
    engines.append(Engine(machine, sshd, launch))
    assert await engines[0].line() == "up"
    group = recorded_group(machine, launch)
    engines[0].kill()
    await until(lambda: not alive(group))
    await asyncio.sleep(0.3)
    assert not rc(machine, launch).exists(), "a failure by the broken connection was kept as the operation's own"


async def test_what_ended_before_the_kill_is_adopted(
    machine: Machine, sshd: Sshd, engines: list[Engine], tmp_path: Path
) -> None:
    launch = machine.shell(f"echo ran >>{tmp_path}/runs; exit 5")
    engines.append(Engine(machine, sshd, launch))
    assert await engines[0].line() == "exited 5"
    engines[0].kill()
    ended, _ = await machine.run(launch)
    assert (ended.code, ended.adopted) == (5, True)
    assert (tmp_path / "runs").read_text() == "ran\n"


async def test_a_kill_at_any_moment_repeats_no_success(
    machine: Machine, sshd: Sshd, engines: list[Engine], tmp_path: Path
) -> None:
    # the last act of the script is the success; whoever sees it done must never see it done again
    script = f"echo up; sleep 0.2; echo done >>{tmp_path}/runs"
    for number in range(5):
        launch = machine.shell(script)
        engines.append(Engine(machine, sshd, launch))
        assert await engines[-1].line() == "up"
        await asyncio.sleep(0.18 + 0.009 * number)
        engines[-1].kill()
        ended, _ = await machine.run(launch)
        assert ended.code == 0
        assert (tmp_path / "runs").read_text() == "done\n", f"kill {number}: adopted={ended.adopted}"
        (tmp_path / "runs").unlink()


async def test_a_new_engine_ends_what_the_killed_one_left(
    machine: Machine, sshd: Sshd, engines: list[Engine], tmp_path: Path
) -> None:
    script = f"trap '' TERM; echo up; echo begun >>{tmp_path}/runs; [ -e {tmp_path}/second ] || sleep 300"
    launch = machine.shell(script)
    engines.append(Engine(machine, sshd, launch))
    assert await engines[0].line() == "up"
    await until((tmp_path / "runs").exists)
    group = recorded_group(machine, launch)
    (tmp_path / "second").touch()
    # the engine still lives: its watcher does nothing, so the second start has to
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(launch, lambda _: None)
    ended = await process.exited()
    assert (ended.code, ended.adopted) == (0, False)
    assert alive(group) == []
    assert (tmp_path / "runs").read_text() == "begun\nbegun\n"
    await process.settle(clean=True)
    await connection.close()


async def test_a_stranger_with_a_recycled_number_is_left_alone(machine: Machine) -> None:
    stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
    try:
        launch = machine.shell("echo ran")
        machine.folder.mkdir(mode=0o700)
        (machine.folder / f".{launch.token}.pid").write_text(f"{stranger.pid} 12345-another-boot\n")
        _, output = await machine.run(launch)
        assert output == b"ran\n"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_orphans_of_a_dead_leader_are_ended_first(machine: Machine, tmp_path: Path) -> None:
    launch = machine.shell("echo ran")
    left = subprocess.Popen(
        [
            "sh",
            "-c",
            "trap '' TERM; export PILOTHOUSE_OPERATION=$0:$$; sleep 300 & echo $$; exec sleep 301",
            launch.token,
        ],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    assert left.stdout is not None
    left.stdout.readline()
    os.kill(left.pid, signal.SIGKILL)
    left.wait()
    left.stdout.close()
    assert alive(left.pid)
    machine.folder.mkdir(mode=0o700)
    (machine.folder / f".{launch.token}.pid").write_text(f"{left.pid} 12345-this-boot\n")
    _, output = await machine.run(launch)
    assert output == b"ran\n"
    assert alive(left.pid) == []


async def test_a_cut_connection_is_told_and_cleaned_up(make_sshd: MakeSshd, ssh_path: str, tmp_path: Path) -> None:
    server = make_sshd()
    machine = Machine(SshTransport(server.settings(ssh_path=ssh_path)), server.node(), tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    await until(lambda: len(alive(group)) >= 4)
    assert server.cut()
    with pytest.raises(ConnectionLostError, match="connection was lost"):
        async with asyncio.timeout(30):
            await process.exited()
    with pytest.raises(ConnectionLostError):
        await connection.start(machine.launch("true"), lambda _: None)
    await until(lambda: not alive(group))
    await connection.close()


async def test_abort_after_a_cut_finds_it_over_a_new_connection(
    make_sshd: MakeSshd, ssh_path: str, tmp_path: Path
) -> None:
    server = make_sshd()
    machine = Machine(SshTransport(server.settings(ssh_path=ssh_path)), server.node(), tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    server.cut()
    with pytest.raises(ConnectionLostError):
        await process.exited()
    kill = await process.abort()
    assert kill.group == group
    assert kill.outcome in {"killed", "already gone"}
    assert alive(group) == []
    await until(lambda: not machine.folder.exists())
    await connection.close()


async def test_abort_of_an_unreachable_machine_says_so(make_sshd: MakeSshd, ssh_path: str, tmp_path: Path) -> None:
    server = make_sshd()
    machine = Machine(SshTransport(server.settings(ssh_path=ssh_path)), server.node(), tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("sleep", "300"), lambda _: None)
    group = await known_group(process)
    server.stop()
    with pytest.raises(ConnectionLostError):
        await process.exited()
    assert (await process.abort()).outcome == "unreachable"
    await until(lambda: not alive(group))
    await connection.close()


async def test_a_silent_connection_is_found_dead_within_three_signs_of_life(
    make_sshd: MakeSshd, ssh_path: str, tmp_path: Path
) -> None:
    server = make_sshd()
    keepalive = 1.0
    machine = Machine(SshTransport(server.settings(keepalive=keepalive, ssh_path=ssh_path)), server.node(), tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("sleep", "300"), lambda _: None)
    group = await known_group(process)
    # signs of life come back while it lives, so nothing is lost yet
    await asyncio.sleep(keepalive * 3.5)
    assert alive(group)
    frozen = server.sessions()
    assert frozen
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ConnectionLostError, match="connection was lost"):
        async with asyncio.timeout(keepalive * 30):
            await process.exited()
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: not alive(group))
    await connection.close()


async def test_a_shell_killed_on_the_machine_is_told(machine: Machine) -> None:
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell("kill -9 $PPID; sleep 1"), lambda _: None)
    async with asyncio.timeout(30):
        with pytest.raises((TargetError, ConnectionLostError)):
            await process.exited()
    await process.abort()
    await connection.close()


async def test_a_cancelled_connect_leaves_nothing_behind(make_sshd: MakeSshd, ssh_path: str) -> None:
    server = make_sshd()
    transport = SshTransport(server.settings(ssh_path=ssh_path))
    for delay in (0.0, 0.005, 0.02, 0.05, 0.1):
        task = asyncio.create_task(transport.connect(server.node()))
        await asyncio.sleep(delay)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await task).close()
    await until(lambda: not server.sessions())
    await transport.close()


def recorded_group(machine: Machine, launch: Launch) -> int:
    return int((machine.folder / f".{launch.token}.pid").read_text().split()[0])


def rc(machine: Machine, launch: Launch) -> Path:
    return machine.folder / f".{launch.token}.rc"

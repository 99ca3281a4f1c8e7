"""The turns of one libssh2 session: nothing that the library has read is left lying there."""

import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeSshd
from tests.machine import until
from tests.sshd import Sshd

from pilothouse.transports.dial import dial
from pilothouse.transports.libssh2_session import AGAIN, DrivenSession


class Reader:
    """A channel that keeps what comes; ``after`` is done each time it has read."""

    def __init__(self, session: DrivenSession, channel: Any, after: Callable[[], None] = lambda: None) -> None:
        self.output = bytearray()
        self._session = session
        self._channel = channel
        self._after = after

    @property
    def reading(self) -> bool:
        return True

    @property
    def writing(self) -> bool:
        return False

    def write(self) -> int:
        return 0

    def read(self) -> bool:
        size, data = self._channel.read()
        self.output += data[: max(size, 0)]
        self._after()
        return bool(size > 0)

    def waiting(self) -> bool | None:
        return bool(self._channel.poll_channel_read(1))

    def lost(self, why: str) -> None:
        self.output += why.encode()


class Writer(Reader):
    """A channel that has always something to send."""

    writing = True

    def write(self) -> int:
        code = 0
        while code != AGAIN:
            code, _ = self._channel.write(bytes(32_000))
        return AGAIN

    def read(self) -> bool:
        return False


async def logged_in(server: Sshd, keepalive: float) -> DrivenSession:
    connection = await dial("127.0.0.1", server.port)
    # less than what the other side has room for, as on a line that takes its time
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    session = DrivenSession(connection, keepalive)
    await session.call(lambda: session.raw.handshake(connection))
    key = server.identity.read_bytes()
    await session.call(lambda: session.raw.userauth_publickey_frommemory(server.user, key, ""))
    session.keep_alive()
    return session


@pytest.fixture
async def session(sshd: Sshd) -> AsyncIterator[DrivenSession]:
    """A session that never asks for signs of life, so that no answer to them wakes it."""
    session = await logged_in(sshd, 0)
    yield session
    session.close()


async def started(session: DrivenSession, command: str) -> Any:
    channel = await session.call(session.raw.open_session)
    await session.call(lambda: channel.execute(command))
    return channel


async def speaker_and_slow(session: DrivenSession, sign: Path) -> tuple[Reader, Reader]:
    """Return a channel that says something after the other has read for the first time, which then takes long."""
    command = f"echo ready; until [ -e {sign} ]; do sleep 0.01; done; sleep 0.1; echo said; cat"
    speaker = Reader(session, await started(session, command))
    session.join(speaker)
    await until(lambda: speaker.output == b"ready\n")

    def take_long() -> None:
        if not sign.exists():
            sign.touch()
            time.sleep(0.5)

    return speaker, Reader(session, await started(session, "cat"), take_long)


async def test_what_comes_with_the_reply_to_a_call_is_read(session: DrivenSession, tmp_path: Path) -> None:
    speaker, slow = await speaker_and_slow(session, tmp_path / "sign")
    session._channels.append(slow)
    kept = await session.call(session.raw.open_session)
    await until(lambda: speaker.output == b"ready\nsaid\n", 10)
    del kept


async def test_a_connection_that_died_with_a_packet_half_sent_is_found_dead(make_sshd: MakeSshd) -> None:
    server = make_sshd()
    session = await logged_in(server, 0.5)
    writer = Writer(session, await started(session, "cat >/dev/null"))
    for pid in server.sessions():
        os.kill(pid, signal.SIGSTOP)
    session.join(writer)
    await until(lambda: session.congested)
    await until(lambda: session.closed)
    assert writer.output.startswith(b"no sign of life for")
    session.close()

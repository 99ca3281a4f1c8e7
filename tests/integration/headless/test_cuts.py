"""The client and the real server with a network between them that breaks (headless, checks 48 and 49)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests import headlesscall
from tests.headlessserver import Guest, Server, serving

from pilothouse.headless import messages

TICKS = "import time\nfor number in range(30):\n    print('tick', number, flush=True)\n    time.sleep(0.1)\n"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        await found.script("TICKS", TICKS)
        yield found


class Network:
    """Passes bytes on until it is cut; cut, it takes connections and ends them at once."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.broken = False
        self.open: set[asyncio.StreamWriter] = set()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.broken:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, far_writer}
        self.open |= both

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            try:
                while data := await source.read(65536):
                    target.write(data)
            except ConnectionError:
                pass
            finally:
                target.close()

        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        self.open -= both

    def cut(self) -> None:
        self.broken = True
        for writer in self.open:
            writer.transport.abort()


async def begun(server: Server, proxy: asyncio.Server, window: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a client behind the network; returns once it has shown some lines."""
    words = server.words("-t", "-1", "-v", "-m", "TICKS")
    words[1] = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    process = await headlesscall.begin(words, server.folder, {"reconnect_window": window})
    assert process.stdout is not None
    seen = ""
    while "tick 3" not in seen:
        line = (await process.stdout.readline()).decode()
        assert line, seen
        seen += line
    return process, seen


async def test_check_48_after_a_cut_every_line_is_shown_once(server: Server) -> None:
    network = Network(server.port)
    async with await asyncio.start_server(network.pass_on, "127.0.0.1", 0) as proxy:
        process, seen = await begun(server, proxy, "30")
        network.cut()
        await asyncio.sleep(1.0)
        network.broken = False
        answer = await headlesscall.finish(process)
    assert answer.code == 0
    ticks = re.findall(r"stdout: tick (\d+)", seen + answer.out)
    assert ticks == [str(number) for number in range(30)]
    assert "trying again" in answer.out


async def test_check_49_a_network_that_stays_away_is_code_1_and_the_session_ends_well(server: Server) -> None:
    network = Network(server.port)
    async with await asyncio.start_server(network.pass_on, "127.0.0.1", 0) as proxy:
        process, _ = await begun(server, proxy, "0.5")
        network.cut()
        assert (await headlesscall.finish(process)).code == 1
    guest = await Guest.inside(server)
    await guest.say(messages.List())
    (found,) = (await guest.until(messages.Sessions)).statuses
    assert await guest.becomes(found.session, "ok") == "ok"

"""A daemon registers with a runner and shows it signs of life (spec section 7.7)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.machine import until

from pilothouse.transports import tagent_wire
from pilothouse.transports.tagent_credential import CredentialFile
from pilothouse.transports.tagent_membership import Member, Pace

QUICK = Pace(again=0.02, first=0.05, steady=0.05)


class Runner:
    """Takes registrations over HTTP and signs of life over TCP."""

    def __init__(self) -> None:
        self.registered: list[dict[str, Any]] = []
        self.signs: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.refusals = 0
        self.http = self.beats = 0
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Runner"]:
        http = await asyncio.start_server(self._register, "127.0.0.1", 0)
        beats = await asyncio.start_server(self._beat, "127.0.0.1", 0)
        self.http, self.beats = (server.sockets[0].getsockname()[1] for server in (http, beats))
        try:
            yield self
        finally:
            for server in (http, beats):
                server.close()
            self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _register(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length:")[2].split()[0])
        self.registered.append(json.loads(await reader.readexactly(size)))
        answer: dict[str, Any] = {"Status": "ERROR", "Message": "not yet"}
        if len(self.registered) > self.refusals:
            proxies = [{"ip": "127.0.0.1", "port": self.beats}]
            answer = {"Status": "OK", "Data": {"tagentId": 77, "proxyGroupId": 3, "proxyList": proxies}}
        body = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async def _beat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while line := await reader.readline():
            self.signs.append(json.loads(line))
            for answer in ({"Status": "OK"}, *self.orders):
                writer.write(json.dumps(answer).encode() + b"\n")
            self.orders.clear()


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    async with Runner().serving() as found:
        yield found


@contextlib.asynccontextmanager
async def member(runner: Runner, folder: Path) -> AsyncIterator[CredentialFile]:
    path = folder / "credential"
    path.write_text("tagentpass\n", "utf-8")
    credential = CredentialFile(path)
    addresses = (f"http://127.0.0.1:{runner.http}/register?tenant=acme",)
    made = Member(addresses, "acme", credential, folder / "state", 3939, QUICK)
    task = asyncio.create_task(made.run())
    yield credential
    task.cancel()
    await asyncio.wait([task])


async def test_it_registers_and_shows_signs_of_life(runner: Runner, tmp_path: Path) -> None:
    runner.refusals = 2
    async with member(runner, tmp_path):
        await until(lambda: len(runner.signs) > 2)
    assert len(runner.registered) == 3
    told = runner.registered[-1]
    assert (told["tenant"], told["port"], told["tagentId"]) == ("acme", 3939, None)
    assert told["credential"] == tagent_wire.seal_credential("tagentpass")
    sign = runner.signs[-1]
    assert (sign["type"], sign["agentId"], sign["proxyGroupId"], sign["status"]) == ("monitor", 77, 3, "working")
    assert (sign["proxyIp"], sign["proxyPort"]) == ("127.0.0.1", runner.beats)
    assert json.loads((tmp_path / "state").read_bytes())["tagentId"] == 77


async def test_a_connection_that_is_cut_is_made_again(runner: Runner, tmp_path: Path) -> None:
    async with member(runner, tmp_path):
        await until(lambda: runner.signs)
        runner.cut()
        seen = len(runner.signs)
        await until(lambda: len(runner.signs) > seen + 1)
    assert len(runner.registered) == 1


async def test_a_new_credential_is_taken_and_told(runner: Runner, tmp_path: Path) -> None:
    async with member(runner, tmp_path) as credential:
        await until(lambda: runner.signs)
        runner.orders.append({"type": "resetcred"})
        await until(lambda: len(runner.registered) == 2)
        assert credential.text != "tagentpass"
        assert runner.registered[1]["credential"] == tagent_wire.seal_credential(credential.text)
        assert runner.registered[1]["tagentId"] == 77
    assert CredentialFile(tmp_path / "credential").text == credential.text

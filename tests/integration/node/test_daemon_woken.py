"""The daemon and our own master: what people ask for begins at once, told to the node's certificate."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.masters import Site, formed
from tests.nodedaemon import QUIET, Daemon, plan
from tests.nodes import URL, Machine, eventually, runner
from tests.servers import Server, serving

from pilothouse.identity.authority import Issued
from pilothouse.identity.caller import LOCAL
from pilothouse.server import enrolment
from pilothouse.services.policy import PRODUCTION
from pilothouse.store.database import open_store


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path, tls_listen="127.0.0.1:0") as made:
        yield made


@pytest.fixture
async def site(server: Server) -> AsyncIterator[Site]:
    store = await open_store(server.database)
    made = Site(store, policy=PRODUCTION)
    made.clock.now = time.time()
    await made.format(formed("COMP-1", 2))
    await made.format(formed("COMP-2", 1, net=2))
    yield made
    await store.close()


async def registered(server: Server, node: Machine) -> None:
    """Give the machine the certificate of COMP-1, and a plan by which only signals make it begin."""
    now, authority = time.time(), server.root(time.time())

    def certified(connection: Connection) -> Issued:
        return enrolment.certify(connection, authority, LOCAL, "node", "COMP-1", now)

    issued = await server.write(certified)
    (node.root / "node.crt").write_text(issued.certificate)
    (node.root / "node.key").write_text(issued.key.reveal())
    (node.root / "certificates").mkdir()
    (node.root / "ca.crt").write_bytes((server.authority / "ca.crt").read_bytes())
    node._lines += [
        f"cert_file = {node.root}/node.crt", f"key_file = {node.root}/node.key", f"master_ca_file = {node.root}/ca.crt",
        f"certificate_repository_path = {node.root}/certificates",
    ]  # fmt: skip
    plan(node, f"{server.secure}/", QUIET)


@pytest.fixture
async def kept(node: Machine) -> AsyncIterator[list[Daemon]]:
    """What is put here is ended, whatever happens, while the master goes on to answer."""
    made: list[Daemon] = []
    yield made
    for one in made:
        await asyncio.to_thread(one.close)


async def soon(holds: object, what: str = "it did not happen") -> None:
    await asyncio.to_thread(eventually, holds, what)


async def test_what_is_asked_for_begins_at_once(server: Server, site: Site, node: Machine, kept: list[Daemon]) -> None:
    bootstrap = node.root / "bootstrap.py"
    bootstrap.touch()
    node._lines += [f"buildout = {bootstrap}"]
    release = node.release(runner("exec sleep 1000"))
    place = node.partition("slappart0")
    node.partition("slappart1")
    await registered(server, node)
    kept.append(daemon := await asyncio.to_thread(Daemon, node))
    await asyncio.to_thread(daemon.last, "instance")
    await asyncio.to_thread(daemon.last, "software")
    await soon(lambda: daemon.shown().stream.state == "open", daemon.text)

    await site.supply("COMP-1", URL)
    await soon((release / ".completed").exists, daemon.text)
    made = await site.request("web", "COMP-1", url=URL)
    assert made.partition == "slappart0"
    await soon((place / ".timestamp").exists, daemon.text)
    await soon(lambda: node.pids().get("slappart0:wrapper"), daemon.text)
    assert (await asyncio.to_thread(daemon.last, "instance")).why == "signal"

    quiet = daemon.shown().passes
    await site.supply("COMP-2", "http://other/")
    await site.request("web", "COMP-1", url=URL, state="destroyed")
    await soon(lambda: not (place / "etc").exists(), daemon.text)
    assert daemon.shown().passes["software"].last == quiet["software"].last
    assert "software begins: the master has something new" in daemon.text
    assert await asyncio.to_thread(daemon.end) == 0


async def test_what_was_missed_while_the_master_was_away_is_made_good(
    tmp_path: Path, node: Machine, kept: list[Daemon]
) -> None:
    from tests.sshd import free_port

    address = f"127.0.0.1:{free_port()}"
    node.release(runner("exec sleep 1000"))
    place = node.partition("slappart0")
    async with serving(tmp_path, tls_listen=address) as server:
        store = await open_store(server.database)
        site = Site(store, policy=PRODUCTION)
        await site.format(formed("COMP-1", 1))
        await registered(server, node)
        kept.append(daemon := await asyncio.to_thread(Daemon, node))
        await soon(lambda: daemon.shown().stream.state == "open", daemon.text)
        await asyncio.to_thread(daemon.last, "instance")
    await soon(lambda: daemon.shown().stream.state == "away", daemon.text)
    await site.supply("COMP-1", URL)
    await site.request("web", "COMP-1", url=URL)
    await store.close()
    async with serving(tmp_path, tls_listen=address):
        await soon((place / ".timestamp").exists, daemon.text)
        assert "The master is asked at intervals" in daemon.text
        assert await asyncio.to_thread(daemon.end) == 0


async def test_a_node_whose_certificate_was_revoked_asks_at_intervals(
    server: Server, site: Site, node: Machine, kept: list[Daemon]
) -> None:
    await registered(server, node)
    await site.write(lambda connection, now: enrolment.revoke(connection, LOCAL, "node", "COMP-1", now))
    kept.append(daemon := await asyncio.to_thread(Daemon, node))
    await soon(lambda: daemon.shown().stream.state == "refused", daemon.text)
    assert "the master refuses it (401)" in daemon.shown().stream.text

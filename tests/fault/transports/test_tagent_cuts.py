"""Tagent connections that are cut, and aborts that have to find their way (defect D13)."""

import asyncio
from pathlib import Path

import pytest
from tests.conftest import MakeTagentd
from tests.machine import Machine, alive, known_group, until
from tests.tagentd import Tagentd

from pilothouse.errors import ConnectionLostError
from pilothouse.transports.tagent import TagentTransport
from pilothouse.transports.tagent_credential import CredentialFile
from pilothouse.transports.tagent_server import TagentServer

STUBBORN = "trap '' TERM; (trap '' TERM; sleep 297; sleep 297) & setsid sleep 296.5 & echo up; sleep 300; sleep 300"


async def served(folder: Path) -> tuple[TagentServer, Machine]:
    """Return a daemon in this process, whose connections can be cut."""
    daemon = Tagentd(folder)
    daemon.credential_file.write_text("tagentpass\n")
    server = TagentServer(CredentialFile(daemon.credential_file))
    daemon.port = await server.listen("127.0.0.1", 0)
    return server, Machine(TagentTransport(daemon.settings()), daemon.node(), folder)


async def test_a_cut_connection_is_told_and_its_session_ended(tmp_path: Path) -> None:
    server, machine = await served(tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.shell(STUBBORN), lambda _: None)
    group = await known_group(process)
    await until(lambda: len(alive(group)) >= 3)
    assert server.cut()
    with pytest.raises(ConnectionLostError, match="connection was lost"):
        async with asyncio.timeout(30):
            await process.exited()
    await until(lambda: not alive(group))
    await connection.close()
    await server.close()


async def test_abort_after_a_cut_goes_through_the_protocol_port(tmp_path: Path) -> None:
    """D13: the service port of the node is another, where nothing listens."""
    server, machine = await served(tmp_path)
    assert machine.node.port != machine.node.protocol_port
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
    await server.close()


async def test_abort_of_a_daemon_that_is_gone_says_so(make_tagentd: MakeTagentd, tmp_path: Path) -> None:
    server = make_tagentd()
    machine = Machine(TagentTransport(server.settings()), server.node(), tmp_path)
    connection = await machine.transport.connect(machine.node)
    process = await connection.start(machine.launch("sleep", "300"), lambda _: None)
    group = await known_group(process)
    server.stop()
    with pytest.raises(ConnectionLostError):
        await process.exited()
    assert (await process.abort()).outcome == "unreachable"
    await until(lambda: not alive(group))
    await connection.close()

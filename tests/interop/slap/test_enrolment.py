"""The original's ``node register`` and ``configure client`` get certificates from our server (slapos-master 5.4)."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.originals import Original
from tests.servers import Server, serving

from pilothouse.identity.authority import Issued
from pilothouse.identity.caller import LOCAL
from pilothouse.identity.tokens import TokenKind
from pilothouse.jobs.secret import Secret
from pilothouse.server import administration


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "server", tls_listen="127.0.0.1:0") as found:
        yield found


async def token(server: Server, kind: TokenKind) -> str:
    def make(connection: Connection) -> str:
        return administration.new_token(connection, LOCAL, "admin", kind, "", "", None, time.time()).reveal()

    return await server.write(make)


async def run(original: Original, *words: object) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        lambda: subprocess.run(
            [original.program("slapos"), *map(str, words)], capture_output=True, text=True, check=False, timeout=120
        )
    )


def pair(certificate: Path, key: Path) -> Issued:
    return Issued(certificate.read_text(), Secret(key.read_text()), certificate.parent.name, "", 0.0)


async def test_node_register(original: Original, server: Server, tmp_path: Path) -> None:
    config, given = tmp_path / "node" / "slapos.cfg", await token(server, "node")
    words = ("node", "register", "web-1", "--cfg", config, "--master-url", server.secure)
    done = await run(original, *words, "--master-url-web", server.url, "--token", given)
    assert done.returncode == 0, done.stderr
    assert "configured as COMP-" in done.stderr
    again = await run(original, *words, "--master-url-web", server.url, "--token", given)
    assert (again.returncode, "Access denied to the SlapOS Master" in again.stderr) == (1, True)
    taken = await run(original, *words, "--master-url-web", server.url, "--token", await token(server, "node"))
    assert (taken.returncode, 'The node name "web-1" is already in use' in taken.stderr) == (1, True)

    ssl = next(path for path in (config.parent, *sorted(tmp_path.glob("node*"))) if (path / "ssl/certificate").exists())
    computer = (ssl / "slapos.cfg").read_text().partition("computer_id = ")[2].partition("\n")[0]
    async with server.client(None, pair(ssl / "ssl" / "certificate", ssl / "ssl" / "key")) as node:
        answer = await node.get("/getFullComputerInformation", params={"computer_id": computer})
    assert (answer.status_code, computer in answer.text) == (200, True)


async def test_configure_client(original: Original, server: Server, tmp_path: Path) -> None:
    config, given = tmp_path / "client" / "slapos-client.cfg", await token(server, "client")
    words = ("configure", "client", "--cfg", config, "--master-url", server.secure, "--master-url-web", server.url)
    done = await run(original, *words, "--token", given)
    assert done.returncode == 0, done.stderr
    async with server.client(None, pair(config.parent / "client.crt", config.parent / "client.key")) as person:
        answer = await person.post("/slapos.allDocs.v0.instance_tree_list", json={})
    assert (answer.status_code, answer.json()) == (200, {"result_list": []})

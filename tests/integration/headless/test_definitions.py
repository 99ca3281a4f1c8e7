"""Modules that the engine runs: here and on targets, with lines, progress and an end (headless 13.6, 15)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlessserver import Guest, Server, document, module, serving
from tests.sshd import Sshd

from pilothouse.headless import messages
from pilothouse.headless.server.modules import Module


@pytest.fixture
async def server(tmp_path: Path, sshd: Sshd) -> AsyncIterator[Server]:
    reach = {"PILOTHOUSE_KNOWN_HOSTS": str(sshd.known_hosts), "PILOTHOUSE_IDENTITIES": str(sshd.identity)}
    async with serving(tmp_path, engine=reach) as found:
        yield found


def targets(sshd: Sshd) -> str:
    common = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port, "username": sshd.user}
    nodes = [{"resourceId": number, "nodeName": f"web-{number}", **common} for number in (1, 2)]
    return "\n".join(map(json.dumps, nodes))


async def test_operations_on_targets_become_events_of_the_session(server: Server, sshd: Sshd) -> None:
    definition = document('echo "hello from $NODE_NAME"', "target")
    await server.publish("WEB", Module(kind="definition", definition=definition, nodes=targets(sshd)))
    answer = await server.call("-t", "-1", "-v", "-m", "WEB", "-m", "OK1")
    assert answer.code == 0, answer.out
    said = [line.split(" ", 2)[2] for line in answer.out.splitlines()]
    assert {f"job 1 stdout: web-{number}: hello from web-{number}" for number in (1, 2)} <= set(said)
    assert any(line.startswith("job 1 progress: 2 of 2 nodes") for line in said)
    assert "job 1 info: phase greet begins" in said
    assert said.index("job 1 ok, rc 0") < said.index("job 2 running")
    (spool,) = server.spools.iterdir()
    assert not (spool / "work" / "params.json").exists()


async def test_a_target_that_fails_fails_the_session_and_says_where(server: Server, sshd: Sshd) -> None:
    failing = document('echo "cannot" >&2; [ "$NODE_NAME" = web-1 ]', "target")
    await server.publish("HALF", Module(kind="definition", definition=failing, nodes=targets(sshd)))
    answer = await server.call("-t", "-1", "-v", "-m", "HALF")
    assert answer.code == 4
    assert "web-2 say_1: failed" in answer.out
    assert "web-1 say_1: succeeded" in answer.out
    assert "job 1 failed, rc 6: web-2 failed" in answer.out


async def test_cancelling_ends_what_runs_on_the_target(server: Server, sshd: Sshd) -> None:
    long = document("echo pid $$; exec sleep 300", "target")
    await server.publish("LONG", Module(kind="definition", definition=long, nodes=targets(sshd).partition("\n")[0]))
    guest = await Guest.inside(server)
    accepted = await guest.start(module("LONG"))
    while "pid" not in (line := (await guest.until(messages.Log)).text):
        pass
    pid = line.split()[-1]
    await guest.say(messages.Cancel(accepted.session, reason="wrong month"))
    end = await guest.ended(40)
    assert (end.state, end.failed) == ("cancelled", 1)
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.05)

"""Strangers who try many passwords at once, or make the audit log grow (headless 11.3)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scramp import ScramClient
from tests.headlessserver import SECRETS, Guest, Server, serving

from pilothouse.headless import messages


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


async def challenged(server: Server, secret: str) -> tuple[Guest, ScramClient]:
    """Return a guest that has yet to give its proof."""
    guest = await Guest.to(server)
    await guest.greet()
    client = ScramClient(["SCRAM-SHA-256"], "R41", secret)
    await guest.say(messages.Login("challenge", "SCRAM-SHA-256", user="R41", scram=client.get_client_first()))
    answer = await guest.hear()
    assert isinstance(answer, messages.Challenge)
    client.set_server_first(answer.scram)
    return guest, client


async def refusals(server: Server) -> int:
    query = "SELECT count(*) FROM audit WHERE action = 'headless login refused'"
    return int(await server.read(lambda c: c.exec_driver_sql(query).scalar_one()))


async def test_guesses_made_at_once_are_as_few_as_those_made_one_after_another(server: Server) -> None:
    guests = [await challenged(server, "wrong") for _ in range(12)]
    right = await challenged(server, SECRETS["R41"])
    for guest, client in guests:
        await guest.say(messages.Response(client.get_client_final()))
    answers = [await guest.hear() for guest, _ in guests]
    await right[0].say(messages.Response(right[1].get_client_final()))
    assert [each.name for each in answers].count("AUTH_FAILED") == 5
    assert (await right[0].hear()).name == "AUTH_LATER", "who guesses right too late learns nothing"


async def test_a_stranger_cannot_fill_the_audit_log(server: Server) -> None:
    async def knock() -> None:
        guest = await Guest.to(server)
        await guest.greet()
        for _ in range(3):
            await guest.say(messages.Login("challenge", "CERT", user="R41"))
            assert (await guest.hear()).name == "AUTH_TYPE"
        await guest.close()

    await asyncio.gather(*(knock() for _ in range(20)))
    assert 0 < await refusals(server) <= 30

"""Modules whose targets have sealed passwords: the key is the account's, and a missing one is told (headless 13.6)."""

import json
from pathlib import Path

import pytest
from tests.headlessserver import Server, document, serving
from tests.passwordserver import PLAIN

from pilothouse.headless.server.modules import Module
from pilothouse.secrets.vault import Vault

KEY = "peerpasskey1"
FORMS = {"envelope": Vault(KEY).seal(PLAIN), "RC4": "{RC4}03908cb126a41b5312ec"}
SAID = {"envelope": "password_key", "RC4": "during the login"}


async def publish(server: Server, password_port: int, password: str) -> None:
    reach = {
        "host": "127.0.0.1",
        "protocol": "ssh",
        "protocolPort": password_port,
        "username": "app",
        "password": password,
    }
    node = json.dumps({"resourceId": 1, "nodeName": "old", **reach})
    await server.publish("OLD", Module(kind="definition", definition=document("echo in", "target"), nodes=node))


@pytest.mark.parametrize("form", FORMS)
async def test_a_sealed_password_is_opened_with_the_key_of_the_accounts_settings(
    form: str, password_port: int, tmp_path: Path
) -> None:
    settings = tmp_path / "pilothouse.toml"
    settings.write_text(f'password_key = "{KEY}"\n')
    reach = {"PILOTHOUSE_HOST_KEYS": "accept-any"}
    async with serving(tmp_path, engine={**reach, "PILOTHOUSE_CONFIG": str(settings)}) as server:
        await publish(server, password_port, FORMS[form])
        answer = await server.call("-t", "-1", "-v", "-m", "OLD")
        assert answer.code == 0, answer.out
        assert "old: in" in answer.out
        assert PLAIN not in answer.out
        for path in server.spools.rglob("*"):
            assert not path.is_file() or PLAIN.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("form", FORMS)
async def test_without_the_key_the_session_says_what_to_compare(form: str, password_port: int, tmp_path: Path) -> None:
    reach = {"PILOTHOUSE_HOST_KEYS": "accept-any", "PILOTHOUSE_CONFIG": "/dev/null"}
    async with serving(tmp_path, engine=reach) as server:
        await publish(server, password_port, FORMS[form])
        answer = await server.call("-t", "-1", "-v", "-m", "OLD")
        assert answer.code == 4, answer.out
        assert SAID[form] in answer.out

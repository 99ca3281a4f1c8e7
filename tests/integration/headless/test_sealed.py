"""Modules whose targets have sealed passwords: the key is the account's, and a missing one is told (headless 13.6)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
from tests.headlessserver import Server, document, serving
from tests.sshd import make_key

from pilothouse.cli.demo_targets import _shell
from pilothouse.headless.server.modules import Module
from pilothouse.secrets.vault import Vault

KEY = "peerpasskey1"
PLAIN = "Peer.pass1"
FORMS = {"envelope": Vault(KEY).seal(PLAIN), "RC4": "{RC4}03908cb126a41b5312ec"}
SAID = {"envelope": "password_key", "RC4": "during the login"}


class PasswordOnly(asyncssh.SSHServer):
    """Lets ``app`` in with one password and with nothing else."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("app", PLAIN)


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    make_key(tmp_path / "host")
    server = await asyncssh.create_server(
        *(PasswordOnly, "127.0.0.1", 0),
        server_host_keys=[str(tmp_path / "host")],
        process_factory=_shell,
        encoding=None,
    )
    yield server.get_port()
    server.close()
    await server.wait_closed()


async def publish(server: Server, port: int, password: str) -> None:
    reach = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": port, "username": "app", "password": password}
    node = json.dumps({"resourceId": 1, "nodeName": "old", **reach})
    await server.publish("OLD", Module(kind="definition", definition=document("echo in", "target"), nodes=node))


@pytest.mark.parametrize("form", FORMS)
async def test_a_sealed_password_is_opened_with_the_key_of_the_accounts_settings(
    form: str, port: int, tmp_path: Path
) -> None:
    settings = tmp_path / "pilothouse.toml"
    settings.write_text(f'password_key = "{KEY}"\n')
    reach = {"PILOTHOUSE_HOST_KEYS": "accept-any"}
    async with serving(tmp_path, engine={**reach, "PILOTHOUSE_CONFIG": str(settings)}) as server:
        await publish(server, port, FORMS[form])
        answer = await server.call("-t", "-1", "-v", "-m", "OLD")
        assert answer.code == 0, answer.out
        assert "old: in" in answer.out
        assert PLAIN not in answer.out
        for path in server.spools.rglob("*"):
            assert not path.is_file() or PLAIN.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("form", FORMS)
async def test_without_the_key_the_session_says_what_to_compare(form: str, port: int, tmp_path: Path) -> None:
    reach = {"PILOTHOUSE_HOST_KEYS": "accept-any", "PILOTHOUSE_CONFIG": "/dev/null"}
    async with serving(tmp_path, engine=reach) as server:
        await publish(server, port, FORMS[form])
        answer = await server.call("-t", "-1", "-v", "-m", "OLD")
        assert answer.code == 4, answer.out
        assert SAID[form] in answer.out

"""An SSH server that one password opens, and no key."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncssh
import pytest
from tests.sshd import make_key

from pilothouse.cli.demo_targets import _shell

PLAIN: Final = "Peer.pass1"


class PasswordOnly(asyncssh.SSHServer):
    """Lets ``app`` in with one password and with nothing else."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("app", PLAIN)


@pytest.fixture
async def password_port(tmp_path: Path) -> AsyncIterator[int]:
    """Give the port of such a server."""
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

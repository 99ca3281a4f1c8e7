"""The control server of the job that a tool belongs to, called from code that is not asynchronous."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.controlserver import replies
from pilothouse.controlserver.address import Server
from pilothouse.controlserver.calls import name_of
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.config import read
from pilothouse.errors import RefusedError, UsageError
from pilothouse.jobs.secret import Secret
from pilothouse.secrets.vault import Vault
from pilothouse.tools.passwords import vault


class NoServerError(RefusedError):
    """The tool needs a control server, and its job runs without one."""

    def __init__(self, tool: str) -> None:
        super().__init__(
            f"{tool} needs a control server: name one in conf/config.ini below AUTOEXEC_HOME, and run the job "
            "with autoexec, without --devmode"
        )


class ControlServer:
    """Calls in the name of this runner; ``vault`` opens what the server seals."""

    def __init__(self, server: Server, vault: Vault) -> None:
        self.server = server
        self.vault = vault

    def ask(self, path: str, body: Mapping[str, Any], *, patience: float | None = None) -> Any:
        """Call and return what the answer carries, trying again for ``patience`` seconds, else the server's.

        Raises ServerUnavailableError, ServerRefusedError.
        """
        server = self.server
        if patience is not None:
            server = msgspec.structs.replace(server, patience=patience)
        return asyncio.run(_ask(server, path, body))

    def ask_once(self, path: str, body: Mapping[str, Any]) -> Any:
        """Call just once, where a second call would do the work twice. Raises as `ask` does."""
        return asyncio.run(_ask_once(self.server, path, body))

    def as_user(self, user: str) -> "ControlServer":
        """Return the server as called in the name of the job's user, if the server gave the job a token for that."""
        token = pass_through().get("EXECUSER_TOKEN")
        if not user or not token:
            return self
        key = Secret(self.vault.open(Secret(str(token))))
        return ControlServer(msgspec.structs.replace(self.server, user=user, password=key), self.vault)


def control_server() -> ControlServer | None:
    """Return the control server of this job; None when the job runs without one. Raises SettingsError."""
    home = os.environ.get("AUTOEXEC_HOME")
    if not home or os.environ.get("AUTOEXEC_DEV_MODE"):
        return None
    config = read(Path(home) / "conf" / "config.ini", os.environ.get("AUTOEXEC_TENANT") or "none")
    if config.server is None:
        return None
    return ControlServer(config.server, vault())


def required(tool: str) -> ControlServer:
    """Return the control server of this job. Raises NoServerError naming the tool, SettingsError."""
    found = control_server()
    if found is None:
        raise NoServerError(tool)
    return found


def pass_through() -> dict[str, Any]:
    """Return the object that the server gave the job. Raises UsageError when it is none."""
    text = os.environ.get("PASSTHROUGH_ENV") or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UsageError("PASSTHROUGH_ENV is no JSON object")
    return found


async def _ask(server: Server, path: str, body: Mapping[str, Any]) -> Any:
    client = Client(server)
    try:
        return await client.ask(path, body)
    finally:
        await client.close()


async def _ask_once(server: Server, path: str, body: Mapping[str, Any]) -> Any:
    client = Client(server)
    try:
        return replies.returned(name_of(path), await client.post(path, json.dumps(body, ensure_ascii=False)))
    finally:
        await client.close()

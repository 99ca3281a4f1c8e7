"""What is offered to a machine as proof of who asks: password, key files, agent."""

import asyncio
import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pilothouse.errors import AuthenticationError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.transports import key_files
from pilothouse.transports.host_keys import Target
from pilothouse.transports.key_files import KeyFiles

_ADVICE: Final = "Check the user and its password, or add a key (setting identities)"


class Credentials:
    """What a transport can offer; key files are read once."""

    def __init__(
        self,
        identities: tuple[Path, ...],
        open_secret: Callable[[Secret], str],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._identities = identities
        self._open_secret = open_secret
        self.agent = environ.get("SSH_AUTH_SOCK") or None
        self._keys: asyncio.Task[KeyFiles] | None = None

    def password(self, node: Node) -> str | None:
        """Return the node's password, None when it has none."""
        return self._open_secret(node.password) if node.password else None

    async def keys(self) -> KeyFiles:
        """Return the keys, reading their files the first time."""
        if self._keys is None:
            self._keys = asyncio.create_task(asyncio.to_thread(key_files.load, self._identities))
        return await asyncio.shield(self._keys)

    async def refusal(self, node: Node, target: Target, *more: str) -> AuthenticationError:
        """Return the error for a refused login: what was offered, and what was not and why (``more`` too)."""
        keys = await self.keys()
        words = ["the node's password"] if node.password else []
        words += [f"key {key.path}" for key in keys.usable]
        words += [f"agent {self.agent}"] if self.agent else []
        offered = "; ".join((", ".join(words) or "nothing", *keys.unusable, *more))
        return AuthenticationError(
            f"{node.key}: {target.entry} refused the login of user {username(node)!r}; offered: {offered}. {_ADVICE}"
        )


def username(node: Node) -> str:
    """Return who to log in as: the node's user, else the user this process runs as."""
    return node.username or pwd.getpwuid(os.geteuid()).pw_name

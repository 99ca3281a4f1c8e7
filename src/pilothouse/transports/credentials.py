"""What is offered to a machine as proof of who asks: password, key files, agent.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio
import os
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import asyncssh
import msgspec

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret

USUAL: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


class Keys(msgspec.Struct, frozen=True):
    """The private keys of the runner; ``unusable`` says in words which files could not be used."""

    usable: tuple[Any, ...] = ()
    paths: tuple[Path, ...] = ()
    unusable: tuple[str, ...] = ()


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
        self._agent = environ.get("SSH_AUTH_SOCK") or None
        self._keys: asyncio.Task[Keys] | None = None

    async def options(self, node: Node) -> dict[str, Any]:
        """Return the asyncssh options for ``node``.

        A password comes first: it is the node's own, and a server counts every key that does not fit.
        """
        keys = await self.keys()
        password = self._open_secret(node.password) if node.password else None
        first = "password,keyboard-interactive," if password is not None else ""
        return {
            "username": username(node),
            "password": password,
            # None would switch the agent off as well
            "client_keys": list(keys.usable) or ([] if self._agent else None),
            "agent_path": self._agent,
            "preferred_auth": f"{first}publickey",
        }

    async def keys(self) -> Keys:
        """Return the keys, reading their files the first time."""
        if self._keys is None:
            self._keys = asyncio.create_task(asyncio.to_thread(_load, self._identities))
        return await asyncio.shield(self._keys)

    def offered(self, node: Node, keys: Keys) -> str:
        """Say in words what was offered to ``node``, and what was not and why."""
        words = ["the node's password"] if node.password else []
        words += [f"key {path}" for path in keys.paths]
        words += [f"agent {self._agent}"] if self._agent else []
        return "; ".join((", ".join(words) or "nothing", *keys.unusable))


def username(node: Node) -> str:
    """Return who to log in as: the node's user, else the user this process runs as."""
    return node.username or pwd.getpwuid(os.geteuid()).pw_name


def _load(identities: tuple[Path, ...]) -> Keys:
    usual = tuple(Path("~/.ssh", name) for name in USUAL)
    usable: list[Any] = []
    paths: list[Path] = []
    unusable: list[str] = []
    for path in dict.fromkeys(item.expanduser() for item in (*identities, *usual)):
        asked = path not in {item.expanduser() for item in usual}
        try:
            usable.append(_pair(path))
            paths.append(path)
        except FileNotFoundError:
            if asked:
                unusable.append(f"key {path} does not exist")
        except OSError as error:
            unusable.append(f"key {path} cannot be read: {error.strerror}")
        except asyncssh.KeyEncryptionError:
            unusable.append(
                f"key {path} is locked by a passphrase and was not tried; add it to an agent: ssh-add {path}"
            )
        except asyncssh.KeyImportError as error:
            locked = "passphrase" in str(error).lower()
            why = f"is locked by a passphrase and was not tried; add it to an agent: ssh-add {path}"
            unusable.append(f"key {path} {why if locked else f'is no private key: {error}'}")
    return Keys(tuple(usable), tuple(paths), tuple(unusable))


def _pair(path: Path) -> Any:
    key = asyncssh.read_private_key(path)
    certificate = path.with_name(path.name + "-cert.pub")
    return (key, asyncssh.read_certificate(certificate)) if certificate.exists() else key

"""What asyncssh is told for a node: algorithms, trusted host keys, credentials.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio
import base64
from collections.abc import Iterable
from typing import Any, Final

import asyncssh
import msgspec
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from pilothouse.jobs.nodes import Node
from pilothouse.transports.credentials import Credentials, username
from pilothouse.transports.host_keys import Known
from pilothouse.transports.key_files import KeyFile
from pilothouse.transports.known_hosts import HostKey

# the third is the end: two that were asked for in vain before it
_LOST_PINGS: Final = 2
# the cheapest first (sntrup761 costs 155 ms of processor time a connection); all others stay on offer
_EXCHANGES: Final = "^curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384"
_CIPHERS: Final = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr"
FIXED: Final[dict[str, Any]] = {
    "config": None,
    "kex_algs": _EXCHANGES,
    "encryption_algs": _CIPHERS,
    "compression_algs": None,
    "x509_trusted_certs": None,
    "gss_kex": False,
    "gss_auth": False,
    "keepalive_count_max": _LOST_PINGS,
    "login_timeout": 0,
}


class Keys(msgspec.Struct, frozen=True):
    """The runner's keys as asyncssh takes them; ``unusable`` says in words which it could not read."""

    usable: tuple[Any, ...] = ()
    unusable: tuple[str, ...] = ()


class Offer:
    """Turns credentials into asyncssh options; keys are decoded once."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._keys: asyncio.Task[Keys] | None = None

    async def options(self, node: Node, *, password_refused: bool) -> dict[str, Any]:
        """Return the options that log in to ``node``.

        A password comes first: it is the node's own, and a server counts every key that does not fit. One that
        was refused on another connection is given only where a question asks for it, so that it counts once.
        """
        keys = await self.keys()
        password = self._credentials.password(node)
        first = "" if password_refused else "password,"
        agent = self._credentials.agent
        return {
            "username": username(node),
            "password": password,
            # None would switch the agent off as well
            "client_keys": list(keys.usable) or ([] if agent else None),
            "agent_path": agent,
            "preferred_auth": f"{first}keyboard-interactive,publickey" if password is not None else "publickey",
        }

    async def keys(self) -> Keys:
        """Return the keys, decoding them the first time."""
        if self._keys is None:
            found = await self._credentials.keys()
            self._keys = self._keys or asyncio.create_task(asyncio.to_thread(_decode, found.usable))
        return await asyncio.shield(self._keys)


def trusted(known: Known) -> Any:
    """Return what a known_hosts file holds, in the form asyncssh takes."""
    return (decoded((*known.own, *known.lent)), decoded(known.authorities), decoded(known.revoked), [], [], [], [])


def algorithms(known: Known) -> list[str]:
    """Return the host key algorithms to ask for, those of known keys first so that a known key is shown."""
    wanted = [name for key in decoded((*known.own, *known.lent)) for name in key.sig_algorithms]
    certificates = get_default_certificate_algs() if known.authorities else []
    found = dict.fromkeys((*certificates, *wanted, *get_default_public_key_algs()))
    return [name.decode() for name in found]


def decoded(keys: Iterable[HostKey]) -> list[asyncssh.SSHKey]:
    """Return the keys that asyncssh can read."""
    found = []
    for key in keys:
        try:
            found.append(asyncssh.import_public_key(f"{key.kind} {base64.b64encode(key.blob).decode()}"))
        except asyncssh.KeyImportError:
            continue
    return found


def _decode(files: Iterable[KeyFile]) -> Keys:
    usable: list[Any] = []
    unusable: list[str] = []
    for file in files:
        try:
            key = asyncssh.import_private_key(file.content)
            certificate = file.certificate and asyncssh.import_certificate(file.certificate)
        except asyncssh.KeyEncryptionError:
            unusable.append(f"key {file.path} is locked by a passphrase; add it to an agent: ssh-add {file.path}")
        except asyncssh.KeyImportError as error:
            unusable.append(f"key {file.path} is no private key, or its certificate is none: {error}")
        else:
            # with its certificate the bare key is offered too: a server may know only that one
            usable.append((key, certificate) if certificate else key)
    return Keys(tuple(usable), tuple(unusable))

"""What the doors ask of identity: certificates of people, nodes and instances (slapos-master 5.4, 15.3)."""

from typing import Protocol

import msgspec

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.jobs.secret import Secret


class KeyPair(msgspec.Struct, frozen=True):
    """A certificate and its key, both PEM; empty texts where this server does not certify."""

    certificate: str = ""
    key: Secret = Secret("")


class RegisteredNode(msgspec.Struct, frozen=True):
    """A node that a token has made: its reference, and what it proves itself with."""

    reference: str
    pair: KeyPair


class StillActiveError(Exception):
    """There is a certificate for this name already; it must be revoked first."""


class Certificates(Protocol):
    """Who issues and revokes. Everything raises NotFoundError, ForbiddenError or StillActiveError."""

    async def of_partition(self, caller: Caller, place: PartitionKey) -> KeyPair:
        """Return the certificate of the instance in a partition, issued when there is none."""
        ...

    async def of_node(self, caller: Caller, computer: str) -> KeyPair:
        """Issue the certificate of a node. Raises StillActiveError when it has one."""
        ...

    async def revoke_node(self, caller: Caller, computer: str) -> None:
        """Revoke the certificate of a node. Raises NotFoundError when it has none."""
        ...

    async def of_person(self, token: str) -> KeyPair:
        """Issue a person's certificate for a token that is used up by it. Raises ForbiddenError for another one."""
        ...

    async def register_node(self, token: str, title: str) -> RegisteredNode:
        """Make a node of this title and issue its certificate, for a token that is used up by it."""
        ...

    async def node_token(self, caller: Caller) -> str:
        """Return a new token that registers one node within a day."""
        ...

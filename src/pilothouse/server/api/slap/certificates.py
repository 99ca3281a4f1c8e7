"""What the doors ask of identity: certificates of nodes and instances, tokens for nodes (slapos-master 15.3)."""

from typing import Protocol

import msgspec

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.jobs.secret import Secret


class KeyPair(msgspec.Struct, frozen=True):
    """A certificate and its key, both PEM; empty texts where this server does not certify."""

    certificate: str = ""
    key: Secret = Secret("")


class Certificates(Protocol):
    """Who issues and revokes. Everything raises NotFoundError or ForbiddenError."""

    async def of_partition(self, caller: Caller, place: PartitionKey) -> KeyPair:
        """Return the certificate of the instance in a partition, issued when there is none."""
        ...

    async def of_node(self, caller: Caller, computer: str) -> KeyPair:
        """Issue the certificate of a node. Raises CertificateActiveError when it has one."""
        ...

    async def revoke_node(self, caller: Caller, computer: str) -> None:
        """Revoke the certificate of a node. Raises NotFoundError when it has none."""
        ...

    async def node_token(self, caller: Caller) -> str:
        """Return a new token that registers one node within a day."""
        ...

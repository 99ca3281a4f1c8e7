"""Who calls: a person, a node, an instance, or anybody on a machine that asks for no login."""

from typing import Final, Literal

import msgspec

CallerKind = Literal["local", "user", "node", "instance"]
Role = Literal["admin", "operator", "viewer", "node", "runner"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated caller; what it may do is decided from this value alone.

    ``name`` is the user's name, the node's reference, or the instance's guid. ``roles`` are those in
    ``project``. ``how`` tells the audit log how the caller proved itself (certificate, token, none).
    """

    kind: CallerKind
    name: str = ""
    project: str = ""
    roles: frozenset[Role] = frozenset()
    how: str = "none"


LOCAL: Final = Caller(kind="local", name="local", roles=frozenset({"admin"}))


class PartitionKey(msgspec.Struct, frozen=True):
    """The partition a request is made for, by header or by the form's ids (slapos-master 1.6)."""

    computer: str
    partition: str

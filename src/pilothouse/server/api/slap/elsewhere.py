"""Requests that another master carries out: noticed inside the work, asked for outside of it (slapos-master 6.10)."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.server.master import forwarding
from pilothouse.services.forwarding import Forward, OtherMaster, Unlisted
from pilothouse.services.instance import InstanceRequest
from pilothouse.services.policy import Policy
from pilothouse.slap.documents import ComputerPartitionDocument, Document


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How strict this master is, and which others it knows; ``urls`` are those under which it has found itself."""

    policy: Policy | None = None
    masters: tuple[OtherMaster, ...] = ()
    urls: set[str] = msgspec.field(default_factory=set)


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What another master answered: ``attributes`` are those of the instance that it gave."""

    master_url: str
    asked: InstanceRequest
    attributes: dict[str, Any]

    def text(self, *names: str) -> str:
        """Return the first of these attributes that is not empty."""
        return next((str(value) for name in names if (value := self.attributes.get(name))), "")


class ElsewhereError(Exception):
    """The work cannot be done here: ``found`` says where; ``answered`` makes the answer from what comes back."""

    def __init__(
        self, found: Forward | Unlisted, asked: InstanceRequest, caller: Caller, answered: Callable[[Remote], Any]
    ) -> None:
        self.found = found
        self.asked = asked
        self.caller = caller
        self.answered = answered
        super().__init__("this request is for another master")


class Elsewhere(Protocol):
    """Whoever can ask other masters."""

    async def ask(self, needed: ElsewhereError) -> Remote | None:
        """Return what the other master gave, None when it turns out to be this one.

        Raises NotFoundError, NotReadyError, UnreachableMasterError, ForbiddenError.
        """
        ...


def check(
    connection: Connection,
    caller: Caller,
    requester: PartitionKey | None,
    asked: InstanceRequest,
    now: float,
    masters: Sequence[OtherMaster],
    answered: Callable[[Remote], Any],
    *,
    ours: bool,
) -> None:
    """Let requests of this master pass. Raises ElsewhereError for all others."""
    found = forwarding.target(connection, caller, requester, asked, masters, now, ours=ours)
    if found is not None:
        raise ElsewhereError(found, asked, caller, answered)


def document(remote: Remote) -> Document:
    """Return what a classic request is answered with.

    The connection of the client's object is left alone: the original overwrites it with nothing, and the object can
    do no further call then.
    """
    computer = remote.text("slap_computer_id", "_computer_id")
    partition = remote.text("slap_computer_partition_id", "_partition_id")
    own = {
        "_computer_id": computer,
        "_partition_id": partition,
        "_request_dict": None,
        "_master_url": remote.master_url,
        "_software_release_document": remote.asked.software_url,
    }
    return ComputerPartitionDocument((computer, partition, None), {**remote.attributes, **own})

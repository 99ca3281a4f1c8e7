"""Requests for instances: answered here, or by another master that is configured for them (slapos-master 6.10)."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import other_masters
from pilothouse.server.api.slap.calls import Call
from pilothouse.server.master import forwarding, instances
from pilothouse.server.master.errors import NotFoundError
from pilothouse.services.forwarding import Forward, OtherMaster, Unlisted
from pilothouse.services.instance import InstanceDocument, InstanceRequest
from pilothouse.slap.documents import Document
from pilothouse.store.contract import Store


class Wanted(msgspec.Struct, frozen=True):
    """What is asked for, and for which partition."""

    request: InstanceRequest
    requester: PartitionKey | None


class Requests:
    """Answers requests."""

    def __init__(self, store: Store, masters: Sequence[OtherMaster]) -> None:
        self._store = store
        self._masters = tuple(masters)

    async def answer(self, call: Call, wanted: Wanted) -> InstanceDocument | Document:
        """Return the instance, or the marshalled document of another master's.

        Raises InvalidRequestError, NotFoundError, ForbiddenError, NotReadyError, UnreachableMasterError.
        """
        target = await self._target(call, wanted)
        if isinstance(target, Unlisted):
            raise NotFoundError(target.reason)
        if target is None:
            return await self._store.write(lambda connection: _here(connection, call, wanted))
        found = await other_masters.ask(target)
        done = target
        await self._store.write(lambda connection: forwarding.record(connection, call.caller, done, call.now))
        return found

    async def _target(self, call: Call, wanted: Wanted) -> Forward | Unlisted | None:
        named = wanted.request.filter.get("master_url", "")
        if not named and not self._masters:
            return None
        ours = named.rstrip("/") == call.base
        return await self._store.read(
            lambda connection: forwarding.target(
                connection, call.caller, wanted.requester, wanted.request, self._masters, call.now, ours=ours
            )
        )


def _here(connection: Connection, call: Call, wanted: Wanted) -> InstanceDocument:
    return instances.request(
        connection,
        call.caller,
        wanted.requester,
        wanted.request,
        call.now,
        policy=call.policy,
        https_base=call.https_base,
    )

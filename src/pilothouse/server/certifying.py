"""The certificates that the SLAP dialects ask for, out of the store and the authority."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority, Issued
from pilothouse.identity.caller import Caller, PartitionKey
from pilothouse.identity.permissions import Subject, may
from pilothouse.server import administration, enrolment
from pilothouse.server.api.slap.certificates import KeyPair, RegisteredNode, StillActiveError
from pilothouse.server.master.errors import ForbiddenError
from pilothouse.store.contract import Store

T = TypeVar("T")


class StoredCertificates:
    """Adapter of ``pilothouse.server.api.slap.certificates.Certificates``."""

    def __init__(self, store: Store, authority: Authority, clock: Clock) -> None:
        self._store = store
        self._authority = authority
        self._clock = clock

    async def of_partition(self, caller: Caller, place: PartitionKey) -> KeyPair:
        """Return the certificate of the instance in a partition."""
        now = self._clock.time()
        found = await self._store.read(
            lambda connection: enrolment.instance_certificate(connection, self._authority, caller, place, now)
        )
        if found is None:
            found = await self._write(
                lambda connection, now: enrolment.certify_instance(connection, self._authority, caller, place, now)
            )
        return _pair(found)

    async def of_node(self, caller: Caller, computer: str) -> KeyPair:
        """Issue the certificate of a node."""
        return _pair(
            await self._write(
                lambda connection, now: enrolment.certify_node(connection, self._authority, caller, computer, now)
            )
        )

    async def revoke_node(self, caller: Caller, computer: str) -> None:
        """Revoke the certificate of a node."""
        await self._write(lambda connection, now: enrolment.revoke_node(connection, caller, computer, now))

    async def of_person(self, token: str) -> KeyPair:
        """Issue a person's certificate for a token."""
        return _pair(
            await self._write(
                lambda connection, now: enrolment.certify_user(connection, self._authority, token, now)
            )
        )

    async def register_node(self, token: str, title: str) -> RegisteredNode:
        """Make a node of this title and issue its certificate, for a token."""
        reference, issued = await self._write(
            lambda connection, now: enrolment.register_node(connection, self._authority, token, title, now)
        )
        return RegisteredNode(reference, _pair(issued))

    async def node_token(self, caller: Caller) -> str:
        """Return a new token that registers one node within a day."""
        name = administration.ADMINISTRATOR if caller.kind == "local" else caller.name
        if caller.kind not in {"local", "user"}:
            raise ForbiddenError(f"{caller.kind} {caller.name} may not make tokens; a person does")

        def make(connection: Connection, now: float) -> str:
            if not may(caller, "register", Subject(project=caller.project)):
                raise ForbiddenError(f"user {name} may not register nodes in project {caller.project!r}")
            token = administration.new_token(
                connection, caller, name, "node", caller.project, "asked for by the client", None, now
            )
            return token.reveal()

        return await self._write(make)

    async def _write(self, work: Callable[[Connection, float], T]) -> T:
        now = self._clock.time()
        try:
            return await self._store.write(lambda connection: work(connection, now))
        except enrolment.CertificateActiveError as error:
            raise StillActiveError(str(error)) from error


def _pair(issued: Issued) -> KeyPair:
    return KeyPair(issued.certificate, issued.key)

"""A master over a store, with a clock that moves a second a call: what tests of its behaviour speak to."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from pilothouse.clock import ManualClock
from pilothouse.identity.caller import LOCAL, Caller, PartitionKey
from pilothouse.server.master import instances, nodes, software
from pilothouse.services.instance import InstanceDocument, InstanceEntry, InstanceKey, InstanceRequest
from pilothouse.services.node import Address, NodeDocument, NodeFormat, PartitionFormat
from pilothouse.services.policy import Policy
from pilothouse.services.states import InstanceState, ReportedInstanceState
from pilothouse.store.contract import Store

T = TypeVar("T")
URL = "http://sr.example/a.cfg"


def formed(computer: str, count: int, *, capabilities: Sequence[str] = (), net: int = 1) -> NodeFormat:
    """Return a node with so many partitions, each with an address of its own."""
    return NodeFormat(
        reference=computer,
        address="192.0.2.1",
        netmask="255.255.255.0",
        partitions=tuple(
            PartitionFormat(
                reference=f"slappart{number}",
                addresses=(Address(interface="slaptap0", address=f"10.0.{net}.{number}"),),
                capabilities=tuple(capabilities),
            )
            for number in range(count)
        ),
    )


class Site:
    """Each call is a transaction of its own."""

    def __init__(self, store: Store, caller: Caller = LOCAL, policy: Policy | None = None) -> None:
        self.store = store
        self.caller = caller
        self.policy = policy
        self.clock = ManualClock()

    def by(self, caller: Caller) -> "Site":
        """Return the same site for another caller."""
        other = Site(self.store, caller, self.policy)
        other.clock = self.clock
        return other

    async def write(self, work: Callable[[Connection, float], T]) -> T:
        """Change something; the time has moved on."""
        self.clock.advance(1)
        now = self.clock.time()
        return await self.store.write(lambda connection: work(connection, now))

    async def format(self, form: NodeFormat) -> None:
        """Post a node's description."""
        await self.write(lambda c, now: nodes.format_node(c, self.caller, form, now))

    async def node(self, computer: str, count: int, **options: Any) -> None:
        """Post a node with so many partitions."""
        await self.format(formed(computer, count, **options))

    async def request(
        self, title: str, computer: str = "", *, requester: tuple[str, str] | None = None, **options: Any
    ) -> InstanceDocument:
        """Request an instance, on a computer when one is named."""
        wanted = dict(options.pop("filter", {}))
        if computer:
            wanted["computer_guid"] = computer
        asked = InstanceRequest(title=title, software_url=options.pop("url", URL), filter=wanted, **options)
        place = PartitionKey(*requester) if requester else None
        return await self.write(lambda c, now: instances.request(c, self.caller, place, asked, now, policy=self.policy))

    async def report(self, computer: str, partition: str, state: ReportedInstanceState, text: str = "") -> str:
        """Report on a partition."""
        place = PartitionKey(computer, partition)
        return await self.write(
            lambda c, now: instances.report(c, self.caller, place, state, text, None, now, policy=self.policy)
        )

    async def publish(self, computer: str, partition: str, values: dict[str, str], shared: str | None = None) -> None:
        """Publish connection parameters."""
        place = PartitionKey(computer, partition)
        await self.write(lambda c, now: instances.publish(c, self.caller, place, values, shared, now))

    async def rename(self, computer: str, partition: str, title: str, shared: str | None = None) -> None:
        """Rename an instance."""
        place = PartitionKey(computer, partition)
        await self.write(lambda c, now: instances.rename(c, self.caller, place, title, shared, now))

    async def bang(self, computer: str, partition: str) -> None:
        """Have a tree looked at again."""
        place = PartitionKey(computer, partition)
        await self.write(lambda c, now: instances.bang(c, self.caller, place, "look", now))

    async def supply(self, computer: str, url: str = URL, state: Any = "available") -> None:
        """Supply a release."""
        await self.write(lambda c, now: software.supply(c, self.caller, computer, url, state, now))

    async def at(self, computer: str, partition: str) -> InstanceDocument:
        """Return what occupies a partition."""
        place = PartitionKey(computer, partition)
        return await self.store.read(lambda c: instances.at(c, self.caller, place))

    async def named(self, title: str, requester: str = "", *, shared: bool = False) -> InstanceDocument:
        """Return an instance by the name that JSON-RPC uses."""
        key = InstanceKey(title, requester, shared)
        return await self.store.read(lambda c: instances.by_key(c, self.caller, key))

    async def document(self, computer: str) -> NodeDocument:
        """Return a whole node."""
        return await self.store.read(lambda c: nodes.document(c, self.caller, computer))

    async def revision(self, computer: str) -> int | None:
        """Return the revision of a node."""
        return await self.store.read(lambda c: nodes.revision(c, computer))

    async def roots(self) -> list[InstanceEntry]:
        """Return what persons requested."""
        return await self.store.read(lambda c: instances.roots(c, self.caller))

    async def states(self, computer: str) -> list[InstanceState | None]:
        """Return the states of a node's partitions, None for free ones."""
        document = await self.document(computer)
        return [slot.occupant.state if slot.occupant else None for slot in document.partitions]

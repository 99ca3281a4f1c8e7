"""What a database of the original ``slapos proxy`` holds becomes ours, once and in one transaction."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from pilothouse.identity.caller import LOCAL
from pilothouse.server.master import documents, formatting, software
from pilothouse.server.original import OldInstance, OldShared, Original
from pilothouse.services.node import Address, NodeFormat, PartitionFormat
from pilothouse.store import audit, forwards, instances, nodes, partitions, settings
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow

_MARK: Final = "inherited"


def inherited(connection: Connection) -> bool:
    """Whether it was done already."""
    return settings.value(connection, _MARK) is not None


def inherit(connection: Connection, path: Path, original: Original, now: float) -> None:
    """Bring over computers, releases, instances, shared instances and what was forwarded."""
    for computer in original.computers:
        formatting.format_node(connection, LOCAL, _form(original, computer), now)
    for row in original.software:
        known = nodes.find(connection, row["computer_reference"])
        for state in ("available", "destroyed") if known else ():
            if state in {"available", row["requested_state"]}:
                software.supply(connection, LOCAL, row["computer_reference"], row["url"], state, now)
    heirs = _Heirs(connection, now)
    for old in _parents_first(original.instances):
        heirs.add(old)
    for shared in original.shared:
        heirs.add_shared(shared)
    for row in original.forwards:
        forwards.add(connection, row["partition_reference"], row["master_url"])
    detail = {"version": original.version, "instances": len(original.instances), "shared": len(original.shared)}
    audit.append(connection, LOCAL, "proxy.inherit", str(path), detail, now)
    settings.keep(connection, _MARK, str(path))


class _Heirs:
    """The instances that were brought over, to be found by those that belong to them."""

    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now
        self._by_place: dict[tuple[str, str], InstanceRow] = {}
        self._roots: dict[str, InstanceRow] = {}
        self._titles: set[tuple[int | None, str, bool]] = set()

    def add(self, old: OldInstance) -> None:
        slot = partitions.find(self._connection, old.computer, old.place)
        node = nodes.find(self._connection, old.computer)
        if slot is None or node is None:  # of a computer that was never formatted
            return
        root = self._roots.get(old.tree) if old.tree else None
        asker = self._by_place.get((old.computer, old.asked_by)) if root else None
        row = self._create(
            title=old.title or f"untitled {old.computer} {old.place}",
            shared=False,
            root=root,
            asker=asker or root,
            host_id=None,
            node_id=node.id,
            place=old.place,
            shared_reference="",
            software_url=old.software_url,
            software_type=old.software_type,
            parameters=documents.stored(old.parameters),
            state=old.state,
            timestamp=self._now if old.timestamp is None else old.timestamp,
        )
        changes.publish(self._connection, row.id, documents.stored(old.connection))
        partitions.occupy(self._connection, slot[0].id, row.id)
        nodes.count(self._connection, node.id, free=-1, busy=1)
        self._by_place[old.computer, old.place] = row
        if root is None:
            self._roots[row.title] = row

    def add_shared(self, old: OldShared) -> None:
        host = self._by_place.get((old.computer, old.host))
        if host is None:
            return
        tree, title = self._split(old.reference)
        root = self._roots.get(tree) if tree else None
        row = self._create(
            title=title,
            shared=True,
            root=root,
            asker=(self._by_place.get((old.computer, old.asked_by)) or root) if root else None,
            host_id=host.id,
            node_id=host.node_id,
            place=host.place,
            shared_reference=old.reference,
            software_url=host.software_url,
            software_type=old.software_type,
            parameters=documents.stored(old.parameters),
            state="started",
            timestamp=self._now,
        )
        changes.publish(self._connection, row.id, documents.stored(old.connection))

    def _create(self, *, title: str, root: InstanceRow | None, asker: InstanceRow | None, **values: Any) -> InstanceRow:
        key = (root.id if root else None, title, values["shared"])
        if key in self._titles:  # the original does not keep them apart
            title = f"{title} ({values['place']})"
        self._titles.add((key[0], title, key[2]))
        number = changes.create(
            self._connection,
            project="",
            owner="",
            title=title,
            root_id=root.id if root else None,
            requester_id=asker.id if asker else None,
            depth=int(root is not None),
            filter="{}",
            asked=values["state"],
            created=self._now,
            **values,
        )
        return instances.present(self._connection, number)

    def _split(self, reference: str) -> tuple[str, str]:
        """Return the title of the tree's root and the title, which are joined by one ``_``."""
        for tree in sorted(self._roots, key=len, reverse=True):
            if reference.startswith(f"{tree}_") and len(reference) > len(tree) + 1:
                return tree, reference[len(tree) + 1 :]
        return "", reference.removeprefix("_") or reference


def _form(original: Original, computer: dict[str, Any]) -> NodeFormat:
    reference = computer["reference"]
    found = [row for row in original.partitions if row["computer_reference"] == reference]
    return NodeFormat(
        reference=reference,
        address=computer["address"],
        netmask=computer["netmask"],
        partitions=tuple(
            PartitionFormat(
                reference=row["reference"],
                addresses=tuple(
                    Address(interface=each["reference"], address=each["address"], netmask=each["netmask"] or "")
                    for each in original.addresses
                    if (each["computer_reference"], each["partition_reference"]) == (reference, row["reference"])
                ),
            )
            for row in found
        ),
    )


def _parents_first(found: list[OldInstance]) -> list[OldInstance]:
    """Return roots, then whatever was asked for by those before it; what is left of broken trees comes last."""
    ordered = [old for old in found if not old.tree]
    waiting = [old for old in found if old.tree]
    while waiting:
        places = {(old.computer, old.place) for old in ordered}
        ready = [old for old in waiting if (old.computer, old.asked_by) in places] or waiting
        ordered += ready
        waiting = [old for old in waiting if old not in ready]
    return ordered

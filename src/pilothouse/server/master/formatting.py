"""What ``node format`` posts, made the truth about a node's partitions (slapos-master 2.3)."""

import uuid

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server.master import access, documents
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.server.master.freeing import free
from pilothouse.services.node import Address, NodeFormat
from pilothouse.services.texts import bad_text
from pilothouse.store import audit, instances, nodes, partitions
from pilothouse.store.nodes import NodeRow
from pilothouse.store.partitions import PartitionRow


def format_node(connection: Connection, caller: Caller, form: NodeFormat, now: float) -> None:
    """Make the node's partitions those of ``form``, in its order (slapos-master 2.3, 15.2).

    Listed partitions keep their instance. What is no longer listed is deleted, with what occupied it.
    """
    references = _checked(form)
    row = _node(connection, caller, form.reference, now)
    before = partitions.of_node(connection, row.id)
    addresses = partitions.addresses_of_node(connection, row.id)
    if _same(row, before, addresses, form):
        return
    removed = _remove_unlisted(connection, caller, before, set(references), now)
    known = {slot.reference: slot for slot in before}
    for position, wanted in enumerate(form.partitions):
        capabilities = documents.stored(sorted(wanted.capabilities))
        slot = known.get(wanted.reference)
        if slot is None:
            number = partitions.create(connection, row.id, wanted.reference, position, capabilities)
        else:
            number = slot.id
            if (slot.position, slot.capabilities) != (position, capabilities):
                partitions.place(connection, number, position, capabilities)
        if addresses.get(number, ()) != wanted.addresses:
            partitions.set_addresses(connection, number, wanted.addresses)
    _describe(connection, row, form, now)
    detail = {"partitions": len(references), "removed": removed}
    audit.append(connection, caller, "node.format", form.reference, detail, now)


def _checked(form: NodeFormat) -> list[str]:
    """Return the names of the partitions. Raises InvalidRequestError for what cannot be meant or kept."""
    references = [each.reference for each in form.partitions]
    if not form.reference or not all(references) or len(set(references)) != len(references):
        raise InvalidRequestError("a node and its partitions need names, each partition one of its own")
    texts = [form.reference, form.address or "", form.netmask or "", *references]
    for each in form.partitions:
        for at in each.addresses:
            texts += [at.interface, at.address, at.netmask, at.gateway, at.network]
    if any(map(bad_text, texts)):
        raise InvalidRequestError("a name or an address holds a NUL or half a character, which cannot be stored")
    try:
        documents.stored(form.details)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"the description of the node cannot be stored: {error}") from None
    return references


def register(
    connection: Connection, caller: Caller, reference: str, now: float, *, title: str = "", owner: str = ""
) -> int:
    """Add a node that has no partitions yet, as ``COMP-<n>`` when it is given no name; returns its number.

    A node of that name that is there already is left as it is.
    """
    if reference and (found := nodes.find(connection, reference)):
        if found.registered is None:
            nodes.enlist(connection, found.id, now)
        return found.id
    number = nodes.create(connection, reference or f"new {uuid.uuid4()}", title, owner, caller.project, now)
    if not reference:
        reference = f"COMP-{number}"
        if nodes.find(connection, reference):  # somebody called his own machine so
            reference = f"COMP-{number}-{uuid.uuid4().hex[:8]}"
        nodes.name(connection, number, reference)
    audit.append(connection, caller, "node.create", reference, {"title": title}, now)
    return number


def _node(connection: Connection, caller: Caller, reference: str, now: float) -> NodeRow:
    access.own_node(connection, caller, reference, "node.format", now)
    if caller.kind == "instance":
        access.forbid(connection, caller, "node.format", reference, "an instance speaks for itself only", now)
    access.demand_role(connection, caller, "node.format", reference, now)
    row = nodes.lock(connection, reference)
    if row is None:
        owner = caller.name if caller.kind == "user" else ""
        register(connection, caller, reference, now, owner=owner)
        return nodes.present(connection, reference)
    if caller.kind == "user" and not access.sees(caller, row.project):
        raise NotFoundError(f"{reference} is not registered.")
    return row


def _same(
    row: NodeRow, before: list[PartitionRow], addresses: dict[int, tuple[Address, ...]], form: NodeFormat
) -> bool:
    """Whether nothing changes: nodes say the same again every few minutes."""
    if (row.address, row.netmask, row.details) != (form.address, form.netmask, documents.stored(form.details)):
        return False
    said = [(each.reference, documents.stored(sorted(each.capabilities)), each.addresses) for each in form.partitions]
    have = [(slot.reference, slot.capabilities, addresses.get(slot.id, ())) for slot in before]
    return row.registered is not None and said == have


def _remove_unlisted(
    connection: Connection, caller: Caller, before: list[PartitionRow], listed: set[str], now: float
) -> list[str]:
    gone = [slot for slot in before if slot.reference not in listed]
    for slot in gone:
        held = None if slot.instance_id is None else instances.by_id(connection, slot.instance_id, lock=True)
        if held is not None:
            free(connection, caller, held, now, reason="its partition is no longer there")
        partitions.remove(connection, slot.id)
    return [slot.reference for slot in gone]


def _describe(connection: Connection, row: NodeRow, form: NodeFormat, now: float) -> None:
    slots = partitions.of_node(connection, row.id)
    nodes.describe(
        connection,
        row.id,
        address=form.address,
        netmask=form.netmask,
        details=documents.stored(form.details),
        registered=row.registered or now,
        free=sum(slot.instance_id is None and slot.capabilities == "[]" for slot in slots),
        busy=sum(slot.instance_id is not None for slot in slots),
    )

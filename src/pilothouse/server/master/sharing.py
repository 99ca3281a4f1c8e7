"""Shared (slave) instances: hosted by another instance, without a partition of their own (slapos-master 6.7)."""

from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.server.master import documents
from pilothouse.server.master.errors import NotAllocatedError, NotFoundError
from pilothouse.server.master.freeing import free, leave_host
from pilothouse.server.master.requester import Requester
from pilothouse.services.allocation import Wanted, host_partition, wanted
from pilothouse.services.bypass import Bypass, bypass
from pilothouse.services.instance import InstanceDocument, InstanceRequest, guid_of, id_of, shared_reference
from pilothouse.services.policy import Policy
from pilothouse.services.updates import moved
from pilothouse.store import audit, instances, nodes, partitions
from pilothouse.store import instance_changes as changes
from pilothouse.store.instances import InstanceRow


def request(
    connection: Connection,
    caller: Caller,
    by: Requester,
    asked: InstanceRequest,
    now: float,
    *,
    policy: Policy,
    https_base: str,
) -> InstanceDocument:
    """Give a shared instance a host, or change or remove it. Raises NotFoundError, NotAllocatedError."""
    row = by.find(connection, asked.title, shared=True, lock=True)
    if row is None and policy.bypass and (answer := bypass(asked, https_base)):
        return _bypassed(asked, by, answer, now)
    if asked.state == "destroyed" or by.root_state == "destroyed":
        return _remove(connection, caller, row, asked, now)
    host = _host_of(connection, row, asked) or _find_host(connection, by.project, asked, policy)
    if row is None:
        number = _create(connection, caller, by, asked, host, now, policy)
    else:
        number = row.id
        _update(connection, caller, by, row, asked, host, now)
    return documents.document(instances.present(connection, number), partitions.addresses(connection, host.id), host)


def _host_of(connection: Connection, row: InstanceRow | None, asked: InstanceRequest) -> InstanceRow | None:
    """Return the present host, if it still is what is asked for."""
    host = None if row is None or row.host_id is None else instances.by_id(connection, row.host_id)
    return host if host is not None and _fits(host, asked) else None


def _fits(host: InstanceRow, asked: InstanceRequest) -> bool:
    return (
        not host.shared
        and host.state != "destroyed"
        and host.software_url == asked.software_url
        and asked.software_type in {"", host.software_type}
    )


def _find_host(connection: Connection, project: str, asked: InstanceRequest, policy: Policy) -> InstanceRow:
    want = wanted(asked.filter, policy)
    host = None if want.impossible else _named_or_first(connection, project, asked, want)
    if host is None:
        where = [asked.software_url, want.computer, asked.software_type]
        raise NotAllocatedError(f"No partition corresponding to slave request: {where}", want.impossible)
    return host


def _named_or_first(connection: Connection, project: str, asked: InstanceRequest, want: Wanted) -> InstanceRow | None:
    if not want.instance:
        node = nodes.find(connection, want.computer) if want.computer else None
        if want.computer and node is None:
            return None
        return instances.host(connection, project, asked.software_url, asked.software_type, node.id if node else None)
    number = id_of(want.instance)
    if number is not None:
        host = instances.by_id(connection, number)
    else:
        host = instances.at(connection, *host_partition(want.instance, want.computer))
    fits = host is not None and host.project == project and _fits(host, asked)
    return host if fits else None


def _create(
    connection: Connection,
    caller: Caller,
    by: Requester,
    asked: InstanceRequest,
    host: InstanceRow,
    now: float,
    policy: Policy,
) -> int:
    depth = by.demand_room(connection, asked.title, policy)
    number = changes.create(
        connection,
        project=by.project,
        owner=by.owner,
        title=asked.title,
        shared=True,
        root_id=by.root_id,
        requester_id=by.instance.id if by.instance else None,
        depth=depth,
        host_id=host.id,
        node_id=host.node_id,
        place=host.place,
        shared_reference=shared_reference(by.root_title, asked.title),
        software_url=asked.software_url,
        software_type=asked.software_type or host.software_type,
        parameters=documents.stored(asked.parameters),
        filter=documents.stored(asked.filter),
        asked="started",
        state="started",
        timestamp=now,
        created=now,
    )
    leave_host(connection, host.id, now)
    detail = {"title": asked.title, "host": guid_of(host.id)}
    audit.append(connection, caller, "instance.create", guid_of(number), detail, now)
    return number


def _update(
    connection: Connection,
    caller: Caller,
    by: Requester,
    row: InstanceRow,
    asked: InstanceRequest,
    host: InstanceRow,
    now: float,
) -> None:
    requester_id = by.instance.id if by.instance else None
    software_type = asked.software_type or host.software_type
    parameters = documents.stored(asked.parameters)
    given_filter = documents.stored(asked.filter)
    visible = (row.host_id, row.software_type, row.parameters) != (host.id, software_type, parameters)
    if not visible and (row.requester_id, row.filter) == (requester_id, given_filter):
        return
    after = row._replace(
        requester_id=requester_id,
        host_id=host.id,
        node_id=host.node_id,
        place=host.place,
        software_url=asked.software_url,
        software_type=software_type,
        parameters=parameters,
        filter=given_filter,
        timestamp=moved(row.timestamp, now) if visible else row.timestamp,
    )
    changes.change(connection, after)
    if visible:
        leave_host(connection, host.id, now)
        if row.host_id is not None and row.host_id != host.id:
            leave_host(connection, row.host_id, now)
            changes.publish(connection, row.id, "{}")  # what the former host said of it holds no longer
        audit.append(connection, caller, "instance.update", guid_of(row.id), {"host": guid_of(host.id)}, now)


def _remove(
    connection: Connection, caller: Caller, row: InstanceRow | None, asked: InstanceRequest, now: float
) -> InstanceDocument:
    if row is None:
        raise NotFoundError(f"No shared instance {asked.title} found.")
    answer = documents.instance(connection, row)
    free(connection, caller, row, now, reason="it was asked for")
    return answer


def _bypassed(asked: InstanceRequest, by: Requester, answer: Bypass, now: float) -> InstanceDocument:
    return InstanceDocument(
        instance_id=0,
        guid="",
        title=asked.title,
        requester_title=by.root_title,
        root_title=by.root_title or asked.title,
        software_url=asked.software_url,
        software_type=asked.software_type,
        state="started",
        shared=True,
        parameters=asked.parameters,
        connection=answer.connection,
        filter=asked.filter,
        computer="",
        partition=answer.partition,
        addresses=(),
        timestamp=now,
    )

"""The JSON-RPC methods about instances (slapos-master 4.2 to 4.5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

from pilothouse.identity.caller import PartitionKey
from pilothouse.server.api.slap import certificates
from pilothouse.server.api.slap import jsonrpc_messages as wire
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.elsewhere import Remote
from pilothouse.server.api.slap.forms import as_texts, require_text
from pilothouse.server.master import instances
from pilothouse.server.master.errors import InvalidRequestError, NotAllocatedError, NotFoundError
from pilothouse.services.instance import InstanceDocument, InstanceKey, InstanceRequest
from pilothouse.services.states import ReportedInstanceState

_BETWEEN: Final = "___"
_MAYBE_NUMBER: Final = "retention_delay"


def guid_of(title: str, requester_title: str, *, shared: bool) -> str:
    """Return how this dialect names an instance."""
    return f"{title}{_BETWEEN}{requester_title}{_BETWEEN}{int(shared)}"


def key_of(guid: str) -> InstanceKey:
    """Read such a name, from its end, so that a title may hold three underscores. Raises NotFoundError."""
    parts = guid.rsplit(_BETWEEN, 2)
    if len(parts) != 3 or parts[2] not in ("0", "1"):  # noqa: PLR2004 - title, requester and digit
        raise NotFoundError(f"instance_guid {guid} not handled.")
    return InstanceKey(parts[0], parts[1], parts[2] == "1")


def request(call: Call, asked: wire.SoftwareInstanceRequest) -> Work[wire.InstanceDocument]:
    """Answer with the instance that is asked for, allocated when it is new."""
    wanted = InstanceRequest(
        title=require_text(asked.title, "title"),
        software_url=require_text(asked.software_release_uri, "software_release_uri"),
        software_type=asked.software_type,
        parameters=as_texts(asked.parameters, "parameters"),
        filter=_sla(asked.sla_parameters),
        state=asked.state,
        shared=asked.shared,
    )

    def work(connection: Connection) -> wire.InstanceDocument:
        try:
            found = call.request(connection, call.requester, wanted, _elsewhere)
        except NotAllocatedError as error:
            raise NotFoundError(f"No free computer partition found for: {wanted.title}") from error
        return _document(found, requested=True)

    return work


def by_guid(call: Call, asked: wire.Instance) -> Work[wire.InstanceDocument]:
    """Give an instance by its name."""
    return lambda connection: _document(_found(connection, call, asked.instance_guid))


def at(call: Call, asked: wire.Place) -> Work[wire.InstanceDocument]:
    """Give what occupies a partition."""
    place = PartitionKey(asked.computer_guid, asked.compute_partition_id)

    def work(connection: Connection) -> wire.InstanceDocument:
        with _said(f"No instance on partition {place.partition} found."):
            return _document(instances.at(connection, call.caller, place))

    return work


def tree(call: Call, asked: wire.InstanceTree) -> Work[wire.InstanceDocument]:
    """Give a root, or a shared instance that a person asked for."""

    def work(connection: Connection) -> wire.InstanceDocument:
        with _said(f"No instance tree {asked.title} found."):
            return _document(instances.root(connection, call.caller, asked.title))

    return work


def trees(call: Call, _: wire.Nothing) -> Work[wire.TreeList]:
    """List what persons asked for."""
    return lambda connection: wire.TreeList(
        result_list=[wire.TreeEntry(title=entry.title) for entry in instances.roots(connection, call.caller)]
    )


def on_node(call: Call, asked: wire.Computer) -> Work[wire.NodeInstanceList]:
    """List the occupants of a node."""

    def work(connection: Connection) -> wire.NodeInstanceList:
        with _said(f"{asked.computer_guid} is not registered."):
            found = instances.on_node(connection, call.caller, asked.computer_guid)
        return wire.NodeInstanceList(
            result_list=[
                wire.NodeInstanceEntry(
                    title=entry.title,
                    instance_guid=guid_of(entry.title, entry.requester_title, shared=entry.shared),
                    state=entry.state,
                    compute_partition_id=entry.partition,
                    software_release_uri=entry.software_url,
                )
                for entry in found
            ]
        )

    return work


def hosted(call: Call, asked: wire.Instance) -> Work[wire.HostedList]:
    """List the shared instances of a host."""
    key = key_of(asked.instance_guid)

    def work(connection: Connection) -> wire.HostedList:
        with _said(_unknown(asked.instance_guid, key)):
            found = instances.hosted_by(connection, call.caller, key)
        return wire.HostedList(
            result_list=[
                wire.HostedEntry(
                    title=entry.title,
                    instance_guid=guid_of(entry.title, entry.requester_title, shared=entry.shared),
                    software_type=entry.software_type,
                    state=entry.state,
                    parameters=entry.parameters,
                    compute_partition_id=entry.partition,
                )
                for entry in found
            ]
        )

    return work


def report(call: Call, asked: wire.InstanceReportedState) -> Work[wire.Success | NotFoundError]:
    """Hear what a node has done with an instance. A host decides what becomes of its shared ones."""

    def work(connection: Connection) -> wire.Success | NotFoundError:
        found = _found(connection, call, asked.instance_guid)
        if found.shared:
            return wire.Success(title="Ignored")
        outcome = _report(connection, call, found, asked.reported_state, "")
        if asked.reported_state != "destroyed":
            return wire.Success(title="Ignored")
        # raised only after the commit: what was done to the children stays
        return wire.Success(title="Destroyed") if outcome == "OK" else NotFoundError(outcome)

    return work


def failed(call: Call, asked: wire.InstanceMessage) -> Work[wire.Success]:
    """Hear that an instance could not be made as it was asked for."""

    def work(connection: Connection) -> wire.Success:
        _report(connection, call, _found(connection, call, asked.instance_guid), "error", asked.message)
        return wire.Success(title="Ignored")

    return work


def publish(call: Call, asked: wire.ConnectionParameters) -> Work[wire.Success]:
    """Replace connection parameters."""
    key = key_of(asked.instance_guid)
    values = as_texts(asked.connection_parameter_dict, "connection_parameter_dict")

    def work(connection: Connection) -> wire.Success:
        with _said(_unknown(asked.instance_guid, key)):
            instances.publish_for(connection, call.caller, key, values, call.now)
        return wire.Success(title="Updated")

    return work


def bang(call: Call, asked: wire.InstanceMessage) -> Work[wire.Success]:
    """Have the whole tree processed again."""

    def work(connection: Connection) -> wire.Success:
        instances.bang(
            connection, call.caller, _own_place(connection, call, asked.instance_guid), asked.message, call.now
        )
        return wire.Success(title="Bang handled")

    return work


def rename(call: Call, asked: wire.InstanceTitle) -> Work[wire.Success]:
    """Give an instance another title."""
    title = require_text(asked.title, "title")

    def work(connection: Connection) -> wire.Success:
        place = _own_place(connection, call, asked.instance_guid)
        instances.rename(connection, call.caller, place, title, None, call.now)
        return wire.Success(title="Renamed")

    return work


def certificate(call: Call, asked: wire.Instance) -> Work[wire.Certificate]:
    """Issue a certificate of an instance."""

    def work(connection: Connection) -> wire.Certificate:
        found = _found(connection, call, asked.instance_guid)
        place = PartitionKey(found.computer, found.partition)
        if found.shared:
            raise NotFoundError("NotImplemented")
        issued = certificates.of_partition(connection, call.caller, call.authority, place, call.now)
        return wire.Certificate(key=issued.key.reveal(), certificate=issued.certificate)

    return work


def _report(
    connection: Connection, call: Call, found: InstanceDocument, state: ReportedInstanceState, words: str
) -> str:
    shared = f"{found.requester_title}_{found.title}" if found.shared else None
    place = PartitionKey(found.computer, found.partition)
    return instances.report(connection, call.caller, place, state, words, shared, call.now, policy=call.rules.policy)


def _own_place(connection: Connection, call: Call, guid: str) -> PartitionKey:
    found = _found(connection, call, guid)
    if found.shared:
        raise NotFoundError("NotImplemented")
    return PartitionKey(found.computer, found.partition)


def _found(connection: Connection, call: Call, guid: str) -> InstanceDocument:
    key = key_of(guid)
    with _said(_unknown(guid, key)):
        return instances.by_key(connection, call.caller, key)


def _unknown(guid: str, key: InstanceKey) -> str:
    return f"No {'shared' if key.shared else 'software'} instance {guid} found."


@contextmanager
def _said(title: str) -> Iterator[None]:
    # clients compare these texts (4.5), whatever the master says
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError(title) from error


def _sla(given: dict[str, str | int | float]) -> dict[str, str]:
    for key, value in given.items():
        if not isinstance(value, str) and key != _MAYBE_NUMBER:
            raise InvalidRequestError(f"{value!r} is not of type 'string' (at $.sla_parameters.{key})")
    return as_texts(given, "sla_parameters")


def _elsewhere(remote: Remote) -> wire.InstanceDocument:
    """Answer with what another master gave (4.5)."""
    asked, given = remote.asked, remote.attributes
    return wire.InstanceDocument(
        title=asked.title,
        instance_guid=guid_of(asked.title, "", shared=asked.shared),
        software_release_uri=asked.software_url,
        software_type=asked.software_type,
        state=asked.state or "started",
        connection_parameters={name: str(text) for name, text in (given.get("_connection_dict") or {}).items()},
        parameters=asked.parameters,
        shared=asked.shared,
        root_instance_title=asked.title,
        ip_list=[],
        full_ip_list=[],
        sla_parameters={},
        computer_guid=remote.text("slap_computer_id", "_computer_id"),
        compute_partition_id=remote.text("slap_computer_partition_id", "_partition_id"),
        processing_timestamp=0,
        access_status_message="",
    )


def _document(found: InstanceDocument, *, requested: bool = False) -> wire.InstanceDocument:
    # a shared instance is said to be where its host is when it is requested, and nowhere when it is read (4.5)
    host_answers = found.shared and requested
    placed = bool(found.computer) and (requested or not found.shared)
    addresses = found.addresses if placed else ()
    return wire.InstanceDocument(
        title=found.title,
        instance_guid=guid_of(found.title, found.requester_title, shared=found.shared),
        software_release_uri=found.software_url,
        software_type=found.software_type,
        state="started" if host_answers else found.state,
        connection_parameters=found.connection,
        parameters=found.parameters,
        shared=found.shared,
        root_instance_title=found.root_title,
        ip_list=[[one.interface, one.address] for one in addresses],
        full_ip_list=[
            [one.interface, one.address, one.gateway, one.netmask, one.network] for one in addresses if one.gateway
        ],
        sla_parameters={},
        computer_guid=found.computer,
        compute_partition_id=found.partition,
        processing_timestamp=0 if host_answers or not found.computer else int(found.timestamp),
        access_status_message=found.access_status,
    )

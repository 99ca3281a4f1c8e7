"""The JSON-RPC methods about nodes and their releases (slapos-master 4.4)."""

from sqlalchemy import Connection

from pilothouse.server.api.slap import certificates, documents
from pilothouse.server.api.slap import jsonrpc_messages as wire
from pilothouse.server.api.slap.calls import Call, Work
from pilothouse.server.api.slap.classic_nodes import journal_of
from pilothouse.server.api.slap.forms import require_text
from pilothouse.server.master import nodes, software, usage
from pilothouse.services.node import Address, NodeFormat, PartitionFormat
from pilothouse.services.states import ReportedSoftwareState


def hateoas_url(call: Call, _: wire.Nothing) -> Work[wire.HateoasUrl]:
    """Say where hateoas begins."""
    return lambda _connection: wire.HateoasUrl(hateoas_url=f"{call.base}/hateoas/")


def format_node(call: Call, asked: wire.ComputeNodeFormat) -> Work[wire.Success]:
    """Take a node's description of itself."""
    form = NodeFormat(
        reference=require_text(asked.computer_guid, "computer_guid"),
        partitions=tuple(_partition(slot) for slot in asked.compute_partition_list),
    )

    def work(connection: Connection) -> wire.Success:
        nodes.format_node(connection, call.caller, form, call.now)
        return wire.Success(title="Formatted")

    return work


def listed(call: Call, _: wire.Nothing) -> Work[wire.ComputeNodeList]:
    """List the nodes that the caller may see."""
    return lambda connection: wire.ComputeNodeList(
        result_list=[
            wire.ComputeNodeEntry(computer_guid=entry.computer) for entry in nodes.listed(connection, call.caller)
        ]
    )


def bang(call: Call, asked: wire.ComputerMessage) -> Work[wire.Success]:
    """Have every instance of a node processed again."""

    def work(connection: Connection) -> wire.Success:
        nodes.bang(connection, call.caller, asked.computer_guid, asked.message, call.now)
        return wire.Success(title="Ignored")

    return work


def use(call: Call, asked: wire.Usage) -> Work[wire.Success]:
    """Take a consumption report that fits its schema."""
    journal = journal_of(asked.tioxml, "tioxml")

    def work(connection: Connection) -> wire.Success:
        usage.report(connection, call.caller, asked.computer_guid, journal, asked.tioxml, call.now)
        return wire.Success(title="Ignored")

    return work


def status(call: Call, asked: wire.Computer) -> Work[wire.NodeStatus]:
    """Give the last sign of life of a node."""

    def work(connection: Connection) -> wire.NodeStatus:
        said = documents.status(nodes.status(connection, call.caller, asked.computer_guid), "Compute Node", call.now)
        return wire.NodeStatus(**{name: str(said[name]) for name in wire.NodeStatus.__struct_fields__})

    return work


def new_certificate(call: Call, asked: wire.Computer) -> Work[wire.Certificate]:
    """Issue the certificate of a node."""

    def work(connection: Connection) -> wire.Certificate:
        issued = certificates.of_node(connection, call.caller, call.authority, asked.computer_guid, call.now)
        return wire.Certificate(key=issued.key.reveal(), certificate=issued.certificate)

    return work


def revoke_certificate(call: Call, asked: wire.Computer) -> Work[wire.Success]:
    """Revoke the certificate of a node."""

    def work(connection: Connection) -> wire.Success:
        certificates.revoke_node(connection, call.caller, asked.computer_guid, call.now)
        return wire.Success(title="Ignored")

    return work


def supply(call: Call, asked: wire.SoftwareInstallation) -> Work[wire.Success]:
    """Ask for a release on a node, or for its removal."""
    url = require_text(asked.software_release_uri, "software_release_uri")

    def work(connection: Connection) -> wire.Success:
        software.supply(connection, call.caller, asked.computer_guid, url, asked.state, call.now)
        return wire.Success(title=f"Supplied {url} to be {asked.state}")

    return work


def installations(call: Call, asked: wire.Computer) -> Work[wire.SoftwareInstallationList]:
    """List the releases of a node."""
    return lambda connection: wire.SoftwareInstallationList(
        result_list=[
            wire.SoftwareInstallationEntry(software_release_uri=one.url, state=one.state)
            for one in software.listed(connection, call.caller, asked.computer_guid)
        ]
    )


def report_release(call: Call, asked: wire.SoftwareInstallationReportedState) -> Work[wire.Success]:
    """Hear what a node has done with a release."""
    answer = "Destroyed" if asked.reported_state == "destroyed" else "Ignored"
    return _reported(call, asked.computer_guid, asked.software_release_uri, asked.reported_state, "", answer)


def release_failed(call: Call, asked: wire.SoftwareInstallationError) -> Work[wire.Success]:
    """Hear that a node could not build a release."""
    return _reported(call, asked.computer_guid, asked.software_release_uri, "error", asked.message, "Ignored")


def _reported(
    call: Call, computer: str, url: str, state: ReportedSoftwareState, words: str, answer: str
) -> Work[wire.Success]:
    def work(connection: Connection) -> wire.Success:
        software.report(connection, call.caller, computer, url, state, words, call.now)
        return wire.Success(title=answer)

    return work


def _partition(slot: wire.ComputePartition) -> PartitionFormat:
    reference = require_text(slot.partition_id, "partition_id")
    return PartitionFormat(
        reference=reference,
        addresses=tuple(
            Address(
                interface=one.network_interface or reference,
                address=one.ip_address,
                netmask=one.netmask,
                gateway=one.gateway_ip_address,
                network=one.network_address,
            )
            for one in slot.ip_list
        ),
    )

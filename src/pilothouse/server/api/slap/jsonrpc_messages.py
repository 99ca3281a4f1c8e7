"""What JSON-RPC is asked and what it answers, as its OpenAPI document describes it (slapos-master 4.3, 4.4)."""

from typing import Annotated, Any, Literal

import msgspec

Title = Annotated[str, msgspec.Meta(max_length=200)]
State = Literal["started", "stopped", "destroyed"]
SoftwareInstallationState = Literal["available", "destroyed"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request: nothing may be in it that is not named here."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of an answer."""


class Nothing(Asked, frozen=True):
    """A request without any field."""


class Computer(Asked, frozen=True):
    """Names a node."""

    computer_guid: str


class Instance(Asked, frozen=True):
    """Names an instance."""

    instance_guid: str


class IpAddress(Asked, frozen=True, rename="kebab"):
    """An address of a partition."""

    ip_address: str
    netmask: str = ""
    network_interface: str = ""
    network_address: str = ""
    gateway_ip_address: str = ""


class ComputePartition(Asked, frozen=True):
    """A partition as its node describes it."""

    partition_id: str
    ip_list: list[IpAddress] = []


class ComputeNodeFormat(Computer, frozen=True):
    """A node as it describes itself."""

    compute_partition_list: list[ComputePartition]


class SoftwareInstallation(Computer, frozen=True):
    """A release that is wanted on a node, or unwanted."""

    software_release_uri: str
    state: SoftwareInstallationState = "available"


class SoftwareInstallationReportedState(Computer, frozen=True):
    """What a node has done with a release."""

    software_release_uri: str
    reported_state: Literal["available", "building", "destroyed"]


class SoftwareInstallationError(Computer, frozen=True):
    """Why a node could not build a release."""

    software_release_uri: str
    message: str


class SoftwareInstanceRequest(Asked, frozen=True):
    """An instance that is wanted."""

    title: Title
    software_release_uri: str
    software_type: str
    state: State = "started"
    shared: bool = False
    parameters: dict[str, Any] = {}
    sla_parameters: dict[str, str | int | float] = {}


class Place(Computer, frozen=True):
    """Names a partition."""

    compute_partition_id: str


class InstanceTree(Asked, frozen=True):
    """Names a root."""

    title: Title


class InstanceReportedState(Instance, frozen=True):
    """What a node has done with an instance."""

    reported_state: State


class ConnectionParameters(Instance, frozen=True):
    """How an instance can be reached."""

    connection_parameter_dict: dict[str, Any]


class InstanceMessage(Instance, frozen=True):
    """Something is said of an instance."""

    message: str


class InstanceTitle(Instance, frozen=True):
    """An instance gets another title."""

    title: Title


class Usage(Computer, frozen=True):
    """What was used on a node."""

    tioxml: str


class ComputerMessage(Computer, frozen=True):
    """Something is said of a node."""

    message: str


class Success(Told, frozen=True):
    """It is done."""

    title: str
    type: Literal["success"] = "success"


class HateoasUrl(Told, frozen=True):
    """Where hateoas begins."""

    hateoas_url: str


class SoftwareInstallationEntry(Told, frozen=True):
    """A release of a node."""

    software_release_uri: str
    state: SoftwareInstallationState


class SoftwareInstallationList(Told, frozen=True):
    """The releases of a node."""

    result_list: list[SoftwareInstallationEntry]


class InstanceDocument(Told, frozen=True):
    """An instance."""

    title: str
    instance_guid: str
    software_release_uri: str
    software_type: str
    state: State
    connection_parameters: dict[str, str]
    parameters: dict[str, str]
    shared: bool
    root_instance_title: str
    ip_list: list[list[str]]
    full_ip_list: list[list[str]]
    sla_parameters: dict[str, str]
    computer_guid: str
    compute_partition_id: str
    processing_timestamp: int
    access_status_message: str


class TreeEntry(Told, frozen=True):
    """A root in a list."""

    title: str


class TreeList(Told, frozen=True):
    """What persons asked for."""

    result_list: list[TreeEntry]


class NodeInstanceEntry(Told, frozen=True):
    """An occupant of a node."""

    title: str
    instance_guid: str
    state: State
    compute_partition_id: str
    software_release_uri: str


class NodeInstanceList(Told, frozen=True):
    """The occupants of a node."""

    result_list: list[NodeInstanceEntry]


class HostedEntry(Told, frozen=True):
    """A shared instance, as its host sees it."""

    title: str
    instance_guid: str
    software_type: str
    state: State
    parameters: dict[str, str]
    compute_partition_id: str


class HostedList(Told, frozen=True):
    """The shared instances of a host."""

    result_list: list[HostedEntry]


class Certificate(Told, frozen=True):
    """A certificate and its key."""

    key: str
    certificate: str


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last sign of life of a node."""

    text: str
    user: str = ""
    state: str = ""
    created_at: str = ""
    since: str = ""


class ComputeNodeEntry(Told, frozen=True):
    """A node in a list."""

    computer_guid: str


class ComputeNodeList(Told, frozen=True):
    """The nodes that the caller may see."""

    result_list: list[ComputeNodeEntry]

"""The classic paths: one table of what each takes and which function does it (slapos-master 2)."""

from collections.abc import Callable
from typing import Final

import msgspec

from pilothouse.server.api.slap import classic_certificates, classic_instances, classic_nodes, classic_software, forms
from pilothouse.server.api.slap.calls import Access, Call, Desk, Work
from pilothouse.server.api.slap.exchange import Answer, Request
from pilothouse.server.api.slap.forms import Form
from pilothouse.server.api.slap.routes import Handler, Route

Decode = Callable[[Call, Form], Work[Answer]]

PLACE: Final = ("computer_id", "computer_partition_id")
RELEASE: Final = ("url", "computer_id")


class Path(msgspec.Struct, frozen=True):
    """One classic path: its verb, what it does to the store, the fields it knows, the function that decodes them."""

    verb: str
    access: Access
    decode: Decode
    fields: tuple[str, ...]


PATHS: Final[dict[str, Path]] = {
    "registerComputerPartition": Path(
        "GET", "read", classic_nodes.partition, ("computer_reference", "computer_partition_reference")
    ),
    "loadComputerConfigurationFromXML": Path("POST", "write", classic_nodes.load_configuration, ("xml",)),
    "computerBang": Path("POST", "write", classic_nodes.bang, ("computer_id", "message")),
    "useComputer": Path("POST", "write", classic_nodes.use, ("computer_id", "use_string")),
    "getComputerStatus": Path("GET", "read", classic_nodes.status, ("computer_id",)),
    "requestComputer": Path("POST", "write", classic_nodes.request, ("computer_title", "project_reference")),
    "getComputerPartitionCertificate": Path("GET", "write", classic_certificates.of_partition, PLACE),
    "generateComputerCertificate": Path("POST", "write", classic_certificates.of_node, ("computer_id",)),
    "revokeComputerCertificate": Path("POST", "write", classic_certificates.revoke_node, ("computer_id",)),
    "supplySupply": Path("POST", "write", classic_software.supply, (*RELEASE, "state")),
    "buildingSoftwareRelease": Path("POST", "write", classic_software.building, RELEASE),
    "availableSoftwareRelease": Path("POST", "write", classic_software.available, RELEASE),
    "softwareReleaseError": Path("POST", "write", classic_software.failed, (*RELEASE, "error_log")),
    "destroyedSoftwareRelease": Path("POST", "write", classic_software.destroyed, RELEASE),
    "getSoftwareInstallationStatus": Path("GET", "read", classic_software.status, RELEASE),
    "getSoftwareReleaseListFromSoftwareProduct": Path(
        "GET", "read", classic_software.of_product, ("software_product_reference", "software_release_url")
    ),
    "requestComputerPartition": Path("POST", "write", classic_instances.request, classic_instances.REQUEST_FIELDS),
    "setComputerPartitionConnectionXml": Path(
        "POST", "write", classic_instances.publish, (*PLACE, "connection_xml", "slave_reference")
    ),
    "startedComputerPartition": Path("POST", "write", classic_instances.started, PLACE),
    "stoppedComputerPartition": Path("POST", "write", classic_instances.stopped, PLACE),
    "destroyedComputerPartition": Path("POST", "write", classic_instances.destroyed, PLACE),
    "softwareInstanceError": Path("POST", "write", classic_instances.failed, (*PLACE, "error_log", "slave_reference")),
    "softwareInstanceBang": Path("POST", "write", classic_instances.bang, (*PLACE, "message")),
    "softwareInstanceRename": Path("POST", "write", classic_instances.rename, (*PLACE, "new_name", "slave_reference")),
    "getComputerPartitionStatus": Path("GET", "read", classic_instances.status, PLACE),
    "getHostingSubscriptionIpList": Path("GET", "read", classic_instances.addresses, PLACE),
    "updateComputerPartitionRelatedInstanceList": Path(
        "POST", "read", classic_instances.related, (*PLACE, "instance_reference_xml")
    ),
}
"""Whatever reads or writes the store and nothing else."""


def handler(desk: Desk, path: Path) -> Handler:
    """Return what serves a path: its form decoded, its work done in the store."""
    known = frozenset(path.fields)

    async def serve(request: Request) -> Answer:
        call = desk.call(request)
        reading = path.verb == "GET"
        content = request.query if reading else request.body

        def decode() -> Work[Answer]:
            return path.decode(call, forms.parse(content, None if reading else known))

        return await desk.run(decode, path.access, len(content))

    return serve


def routes(desk: Desk) -> dict[str, dict[str, Route]]:
    """Return the table of these paths."""
    return {name: {path.verb: Route(handler(desk, path))} for name, path in PATHS.items()}

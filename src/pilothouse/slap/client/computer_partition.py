"""A partition of a computer, and the instance in it (spec 9.3)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pilothouse.slap import instance_xml, marshal_writer
from pilothouse.slap.client import report, request, transaction
from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import NotFoundError, ResourceNotReady, ServerError
from pilothouse.slap.client.hateoas import Navigator
from pilothouse.slap.client.information import instance_of
from pilothouse.slap.client.remote import Remote, known_as
from pilothouse.slap.client.request import Wanted
from pilothouse.slap.client.software_instance import SoftwareInstance
from pilothouse.slap.client.software_release import SoftwareRelease
from pilothouse.slap.documents import Document

if TYPE_CHECKING:
    import logging

_MISSING = object()


@known_as("ComputerPartition")
class ComputerPartition(Remote):
    """Known by its two ids, or only by a request that the master has not fulfilled yet.

    What the master knows of it is fetched when it is first asked for, and once.
    """

    usage: str | None = None
    _synced: bool = False

    def __init__(
        self,
        computer_id: str | None = None,
        partition_id: str | None = None,
        request_dict: Mapping[str, Any] | None = None,
        connection_helper: ConnectionHelper | None = None,
        hateoas_navigator: Navigator | None = None,
    ) -> None:
        if request_dict is not None:
            if computer_id is not None or partition_id is not None:
                raise TypeError("request_dict conflicts with computer_id and partition_id")
        elif computer_id is None or partition_id is None:
            raise TypeError("computer_id and partition_id or request_dict are required")
        self._join(connection_helper, hateoas_navigator)
        self._computer_id = computer_id
        self._partition_id = partition_id
        self._request_dict = request_dict
        if partition_id is not None:
            transaction.begin(partition_id)

    # What is known of it

    def getId(self) -> str:
        """Return the partition's id; raises ResourceNotReady when there is none yet."""
        if not self._partition_id:
            raise ResourceNotReady
        return self._partition_id

    def getInstanceGuid(self) -> str:
        """Return the instance's id at the master; raises ResourceNotReady when there is none yet."""
        return str(self._ready("_instance_guid"))

    def getState(self) -> str:
        """Return what is asked of the instance: started, stopped or destroyed; raises ResourceNotReady."""
        return str(self._ready("_requested_state"))

    def getType(self) -> str:
        """Return the software type; raises ResourceNotReady while the master does not tell it."""
        found = self.getInstanceParameterDict().get("slap_software_type")
        if found is None:
            raise ResourceNotReady
        return str(found)

    def getInstanceParameterDict(self) -> dict[str, Any]:
        """Return the parameters, and what the master adds to them (spec section 1.4)."""
        found: dict[str, Any] | None = self._fetched("_parameter_dict")
        return {} if found is None else found

    def getConnectionParameterDict(self) -> dict[str, Any]:
        """Return what the instance published."""
        found: dict[str, Any] | None = self._fetched("_connection_dict")
        if found is None:
            return dict(instance_xml.loads(getattr(self, "connection_xml", None)))
        return found

    def getInstanceParameter(self, key: str) -> Any:
        """Return one of the parameters that are here already; raises NotFoundError."""
        return _item(getattr(self, "_parameter_dict", None) or {}, key)

    def getConnectionParameter(self, key: str) -> Any:
        """Return one published value; raises NotFoundError."""
        return _item(self.getConnectionParameterDict(), key)

    def getSoftwareRelease(self) -> SoftwareRelease:
        """Return the software release; raises NotFoundError when the partition has none."""
        found: SoftwareRelease | str | None = self._fetched("_software_release_document")
        if found is None:
            raise NotFoundError(f"No software release information for partition {self.getId()}")
        # an answer that came from another master has its URL only (spec section 6.10)
        return SoftwareRelease(found, self._computer_id) if isinstance(found, str) else found

    def getAccessStatus(self) -> str | None:
        """Return the text of the last report, if the answer at hand has one."""
        status: str | None = getattr(self, "_access_status", None)
        return status

    def getStatus(self) -> str | None:
        """Return the same as `getAccessStatus`, whatever the interface promises."""
        return self.getAccessStatus()

    def getCertificate(self) -> dict[str, str]:
        """Return the instance's own key and certificate, under these names."""
        found: dict[str, str] = self._live(self._helper.loaded("getComputerPartitionCertificate", self._ids()))
        return found

    def getFullHostingIpAddressList(self) -> list[tuple[str, str]]:
        """Return interface and address of all instances of the same service."""
        found: list[tuple[str, str]] = self._live(self._helper.loaded("getHostingSubscriptionIpList", self._ids()))
        return found

    def getInformation(self, partition_reference: str) -> SoftwareInstance:
        """Return what the master tells of an instance of the same service; raises NotFoundError."""
        tree = self.getInstanceParameterDict().get("root_instance_title")
        if tree is None:
            raise ResourceNotReady
        return instance_of(self._navigator.member(str(tree), partition_reference))

    # What it asks of the master

    def request(
        self,
        software_release: str,
        software_type: str | None,
        partition_reference: str,
        shared: bool = False,
        partition_parameter_kw: Mapping[str, Any] | None = None,
        filter_kw: Mapping[str, Any] | None = None,
        state: str | None = None,
    ) -> "ComputerPartition":
        """Request an instance of the same service (spec section 2.4).

        Raises NotFoundError when there is no place for it. What the master still has to provide for raises
        ResourceNotReady when it is asked for its data.
        """
        wanted = Wanted(
            software_release, software_type, partition_reference, shared, partition_parameter_kw, filter_kw, state
        )
        form = {**self._ids(), **wanted.marshalled()}
        transaction.note(self.getId(), partition_reference)
        return request.send(self, form, shared=shared, headers=self._identity())

    def setConnectionDict(self, connection_dict: Mapping[str, Any], slave_reference: str | None = None) -> None:
        """Publish values for those who requested the instance, or one of its slaves; replaces earlier ones."""
        xml = marshal_writer.dumps(dict(connection_dict)).decode()
        self._post("setComputerPartitionConnectionXml", connection_xml=xml, slave_reference=slave_reference)

    def setComputerPartitionRelatedInstanceList(self, instance_reference_list: list[str]) -> None:
        """Tell the master which instances this one still requests."""
        xml = marshal_writer.dumps(list(instance_reference_list)).decode()
        self._post("updateComputerPartitionRelatedInstanceList", instance_reference_xml=xml)

    def rename(self, new_name: str, slave_reference: str | None = None) -> None:
        """Give the instance another title, or one of its slaves if it is named."""
        self._post("softwareInstanceRename", new_name=new_name, **_if_given(slave_reference))

    def bang(self, message: str) -> None:
        """Ask for all instances of the service to be processed again."""
        self._post("softwareInstanceBang", message=message)

    # What it reports

    def setUsage(self, usage_log: str) -> None:
        """Keep a report of usage for `Computer.reportUsage`; nothing is sent."""
        self.usage = usage_log

    def started(self) -> None:
        """Tell the master that the instance runs."""
        self._post("startedComputerPartition")

    def stopped(self) -> None:
        """Tell the master that the instance is stopped."""
        self._post("stoppedComputerPartition")

    def destroyed(self) -> None:
        """Tell the master that the partition is empty."""
        self._post("destroyedComputerPartition")

    def error(
        self, error_log: object, logger: "logging.Logger | None" = None, slave_reference: str | None = None
    ) -> None:
        """Tell the master that the instance fails; trouble with telling is logged, never raised."""
        report.quietly(
            lambda: self._post("softwareInstanceError", error_log=error_log, **_if_given(slave_reference)), logger
        )

    def _ids(self) -> dict[str, str | None]:
        return {"computer_id": self._computer_id, "computer_partition_id": self.getId()}

    def _identity(self) -> dict[str, str]:
        who = f"computer_id={self._computer_id}, computer_partition_id={self.getId()}"
        return {"Authorization": f"X-SlapPartition {who}"}

    def _post(self, method: str, **fields: object) -> None:
        self._helper.POST(method, {**self._ids(), **fields}, self._identity())

    def _ready(self, name: str) -> Any:
        found = self._fetched(name)
        if found is None:
            raise ResourceNotReady
        return found

    def _fetched(self, name: str) -> Any:
        """Return an attribute; what no answer had yet is fetched, and None if the master does not tell it."""
        found = getattr(self, name, _MISSING)
        if found is _MISSING:
            self._fetch()
            found = getattr(self, name, None)
        return found

    def _fetch(self) -> None:
        ids = self._ids()
        names = {"computer_reference": ids["computer_id"], "computer_partition_reference": self.getId()}
        document = self._helper.loaded("registerComputerPartition", names)
        if not isinstance(document, Document):
            raise ServerError(f"registerComputerPartition was answered with {type(document).__name__}")
        # of a slave's partition only what its own answer does not say: the rest is its host's
        self._adopt(document.attributes, missing_only=self._synced)


def _if_given(slave_reference: str | None) -> dict[str, str]:
    return {"slave_reference": slave_reference} if slave_reference else {}


def _item(values: Mapping[str, Any], key: str) -> Any:
    if key not in values:
        raise NotFoundError(f"{key} not found")
    return values[key]

"""A computer that is kept by a master (spec 9.4)."""

from collections.abc import Iterable
from typing import Any

from pilothouse.slap.client.computer_partition import ComputerPartition
from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import NotFoundError, ServerError
from pilothouse.slap.client.hateoas import Navigator
from pilothouse.slap.client.remote import Remote, known_as
from pilothouse.slap.client.software_release import SoftwareRelease
from pilothouse.slap.documents import Document


@known_as("Computer")
class Computer(Remote):
    """Known by its id; its software and partitions are fetched together, once, when they are first asked for."""

    _computer_partition_list: list[ComputerPartition]
    _software_release_list: list[SoftwareRelease]

    def __init__(
        self,
        computer_id: str,
        connection_helper: ConnectionHelper | None = None,
        hateoas_navigator: Navigator | None = None,
    ) -> None:
        self._computer_id = computer_id
        self._join(connection_helper, hateoas_navigator)

    def getSoftwareReleaseList(self) -> list[SoftwareRelease]:
        """Return the software that is asked of the computer; raises NotFoundError for a computer unknown."""
        self._fetch()
        for release in self._software_release_list:
            release._join(self._connection_helper, self._hateoas_navigator)
        return self._software_release_list

    def getComputerPartitionList(self) -> list[ComputerPartition]:
        """Return the partitions in the order of their registration; raises NotFoundError for a computer unknown."""
        self._fetch()
        return self._computer_partition_list

    def reportUsage(self, computer_usage: str | bytes | Iterable[ComputerPartition]) -> None:
        """Send usage: a TIO document (nothing for an empty one), or what was set on each of some partitions."""
        if isinstance(computer_usage, str | bytes):
            reports: list[str | bytes] = [computer_usage]
        else:
            reports = [partition.usage or "" for partition in computer_usage]
        for report in filter(None, reports):
            self._helper.POST("useComputer", {"computer_id": self._computer_id, "use_string": report})

    def updateConfiguration(self, xml: str | bytes) -> bytes:
        """Send the marshalled description of the computer; returns the master's answer."""
        return self._helper.POST("loadComputerConfigurationFromXML", {"xml": xml})

    def bang(self, message: str) -> None:
        """Ask for all instances on the computer to be processed again."""
        self._helper.POST("computerBang", {"computer_id": self._computer_id, "message": message})

    def getStatus(self) -> dict[str, Any]:
        """Return the last report of the computer: user, created_at, text and more."""
        found: dict[str, Any] = self._live(self._helper.loaded("getComputerStatus", {"computer_id": self._computer_id}))
        return found

    def generateCertificate(self) -> dict[str, str]:
        """Return a new key and certificate; raises NotFoundError while another one is valid."""
        which = {"computer_id": self._computer_id}
        found: dict[str, str] = self._live(self._helper.posted("generateComputerCertificate", which))
        return found

    def revokeCertificate(self) -> None:
        """Revoke the computer's certificate; raises NotFoundError when it has none."""
        self._helper.POST("revokeComputerCertificate", {"computer_id": self._computer_id})

    def getInformation(self) -> "Computer":
        """Return a computer with what the master tells of it as attributes; raises NotFoundError."""
        found = Computer(self._computer_id, self._connection_helper, self._hateoas_navigator)
        for name, value in self._navigator.node(self._computer_id).items():
            setattr(found, f"_{name}", value)
        return found

    def _fetch(self) -> None:
        if "_computer_partition_list" in self.__dict__:
            return
        document = self._document()
        if not isinstance(document, Document) or document.kind != "Computer":
            kind = document.kind if isinstance(document, Document) else type(document).__name__
            raise ServerError(f"the computer {self._computer_id} was answered with {kind}")
        self._adopt({"_computer_partition_list": [], "_software_release_list": [], **document.attributes})
        for partition in self._computer_partition_list:
            partition._synced = True

    def _document(self) -> Any:
        which = {"computer_id": self._computer_id}
        if not self._computer_id:
            raise NotFoundError(f"'getFullComputerInformation' {which}")
        try:
            return self._helper.loaded("getFullComputerInformation", which)
        except NotFoundError:
            # masters before 2012 have the other name only
            return self._helper.loaded("getComputerInformation", which)

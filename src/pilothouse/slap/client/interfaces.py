"""What the objects of the library promise: the interfaces of `slapos.slap.interface.slap` (spec 9.10).

Their names are the documented ones. Two promises of the document are not kept by anybody: see `IRequester.request`
and `IComputerPartition.getStatus`.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pilothouse.slap.client import exceptions

# exceptions are caught by class, so their interfaces are the classes
IException = exceptions.SlapException
INotFoundError = exceptions.NotFoundError
IResourceNotReady = exceptions.ResourceNotReady
IServerError = exceptions.ServerError
IConnectionError = exceptions.ConnectionError


class IRequester(Protocol):
    """Requests instances."""

    def getInformation(self, partition_reference: str) -> "ISoftwareInstance":
        """Return what is known of an instance; in a partition, of one of the same service."""

    def request(self, *args: Any, **kwargs: Any) -> "IComputerPartition":
        """Request an instance; the order of arguments differs between partitions and open orders."""


@runtime_checkable
class ISoftwareInstance(Protocol):
    """A bag of attributes."""

    __dict__: dict[str, Any]


@runtime_checkable
class ISoftwareRelease(Protocol):
    """Software that is built on a computer."""

    def getURI(self) -> str:
        """Return its URL."""

    def getComputerId(self) -> str:
        """Return the id of its computer."""

    def getState(self) -> str:
        """Return available or destroyed, as it is asked for."""

    def building(self) -> None:
        """Report that it is being built."""

    def available(self) -> None:
        """Report that it is there."""

    def destroyed(self) -> None:
        """Report that it is gone."""

    def error(self, error_log: object) -> None:
        """Report that it cannot be built."""


@runtime_checkable
class IComputerPartition(IRequester, Protocol):
    """A partition and the instance in it."""

    def getId(self) -> str:
        """Return the partition's id."""

    def getInstanceGuid(self) -> str:
        """Return the instance's id at the master."""

    def getState(self) -> str:
        """Return started, stopped or destroyed, as it is asked for."""

    def getType(self) -> str:
        """Return the software type."""

    def getStatus(self) -> str | None:
        """Return the last report's text; the document promises a dictionary that no master was seen to give."""

    def getAccessStatus(self) -> str | None:
        """Return the last report's text."""

    def getSoftwareRelease(self) -> ISoftwareRelease:
        """Return its software release."""

    def getInstanceParameter(self, key: str) -> Any:
        """Return one parameter."""

    def getInstanceParameterDict(self) -> dict[str, Any]:
        """Return its parameters."""

    def getConnectionParameter(self, key: str) -> Any:
        """Return one published value."""

    def getConnectionParameterDict(self) -> dict[str, Any]:
        """Return its published values."""

    def setConnectionDict(self, connection_dict: Mapping[str, Any], slave_reference: str | None = None) -> None:
        """Publish values."""

    def getCertificate(self) -> dict[str, str]:
        """Return its key and certificate."""

    def getFullHostingIpAddressList(self) -> list[tuple[str, str]]:
        """Return the addresses of its service."""

    def rename(self, new_name: str, slave_reference: str | None = None) -> None:
        """Give it another title."""

    def setComputerPartitionRelatedInstanceList(self, instance_reference_list: list[str]) -> None:
        """Tell which instances it requests."""

    def setUsage(self, usage_log: str) -> None:
        """Keep a report of usage."""

    def bang(self, message: str) -> None:
        """Ask for its service to be processed again."""

    def started(self) -> None:
        """Report that it runs."""

    def stopped(self) -> None:
        """Report that it is stopped."""

    def destroyed(self) -> None:
        """Report that it is gone."""

    def error(self, error_log: object) -> None:
        """Report that it fails."""


@runtime_checkable
class IComputer(Protocol):
    """A computer that the master keeps."""

    def getInformation(self) -> "IComputer":
        """Return what is known of it."""

    def getStatus(self) -> dict[str, Any]:
        """Return its last report."""

    def getSoftwareReleaseList(self) -> list[Any]:
        """Return the software that it shall have."""

    def getComputerPartitionList(self) -> list[Any]:
        """Return its partitions."""

    def updateConfiguration(self, xml: str | bytes) -> bytes:
        """Send its description."""

    def reportUsage(self, computer_usage: Any) -> None:
        """Send what it used."""

    def bang(self, message: str) -> None:
        """Ask for all its instances to be processed again."""

    def generateCertificate(self) -> dict[str, str]:
        """Return a new key and certificate."""

    def revokeCertificate(self) -> None:
        """Revoke its certificate."""


@runtime_checkable
class IOpenOrder(IRequester, Protocol):
    """The orders of a user."""

    def requestComputer(self, computer_reference: str) -> IComputer:
        """Register a computer."""


@runtime_checkable
class ISupply(Protocol):
    """The supply of software."""

    def supply(self, software_release: str, computer_guid: str | None = None) -> None:
        """Ask a computer to have a software release."""


@runtime_checkable
class IToken(Protocol):
    """Leave to register a computer."""

    def request(self) -> str:
        """Return a token."""


@runtime_checkable
class ISoftwareProductCollection(Protocol):
    """Software by names."""

    def get(self, software_product: str) -> str:
        """Return the URL of the newest release."""


@runtime_checkable
class ISlap(Protocol):
    """The connection to a master."""

    def initializeConnection(
        self, slapgrid_uri: str, key_file: str | None = None, cert_file: str | None = None
    ) -> None:
        """Say where the master is."""

    def registerComputer(self, computer_guid: str) -> IComputer:
        """Return a computer."""

    def registerComputerPartition(self, computer_guid: str, partition_id: str) -> IComputerPartition:
        """Return a partition."""

    def registerSoftwareRelease(self, software_release: str) -> ISoftwareRelease:
        """Return a software release."""

    def registerOpenOrder(self) -> IOpenOrder:
        """Return the user's orders."""

    def registerSupply(self) -> ISupply:
        """Return the supply."""

    def registerToken(self) -> IToken:
        """Return what tokens are asked with."""

    def getComputerDict(self) -> Mapping[str, Any]:
        """Return the user's computers."""

    def getOpenOrderDict(self) -> Mapping[str, Any]:
        """Return the user's services."""

    def getSoftwareReleaseListFromSoftwareProduct(
        self, software_product_reference: str | None = None, software_release_url: str | None = None
    ) -> list[str]:
        """Return the releases of a product."""

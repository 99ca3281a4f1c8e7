"""What a person orders: services and computers (spec 9.2), and the supply of software (spec 9.6)."""

from collections.abc import Mapping
from typing import Any

from pilothouse.slap.client import request
from pilothouse.slap.client.computer import Computer
from pilothouse.slap.client.computer_partition import ComputerPartition
from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import NotFoundError, ServerError
from pilothouse.slap.client.hateoas import Navigator
from pilothouse.slap.client.information import instance_of
from pilothouse.slap.client.remote import Remote
from pilothouse.slap.client.request import Wanted
from pilothouse.slap.client.software_instance import SoftwareInstance


class _Ordering(Remote):
    def __init__(
        self, connection_helper: ConnectionHelper | None = None, hateoas_navigator: Navigator | None = None
    ) -> None:
        self._join(connection_helper, hateoas_navigator)


class OpenOrder(_Ordering):
    """Requests in the name of the user."""

    def request(
        self,
        software_release: str,
        partition_reference: str,
        partition_parameter_kw: Mapping[str, Any] | None = None,
        software_type: str | None = None,
        filter_kw: Mapping[str, Any] | None = None,
        state: str | None = None,
        shared: bool = False,
    ) -> ComputerPartition:
        """Request a service; the order of the arguments is not that of `ComputerPartition.request`.

        Raises NotFoundError when there is no place for it. What the master still has to provide for raises
        ResourceNotReady when it is asked for its data.
        """
        fields = Wanted(
            software_release, software_type, partition_reference, shared, partition_parameter_kw, filter_kw, state
        ).marshalled()
        order = "software_release partition_reference partition_parameter_xml filter_xml software_type state shared_xml"
        return request.send(self, {name: fields[name] for name in order.split()}, shared=shared)

    def getInformation(self, partition_reference: str) -> SoftwareInstance:
        """Return what the master tells of a service; raises NotFoundError."""
        return instance_of(self._navigator.tree(partition_reference))

    def requestComputer(self, computer_reference: str) -> Computer:
        """Register a computer of this title and return it."""
        found = self._live(self._helper.posted("requestComputer", {"computer_title": computer_reference}))
        if not isinstance(found, Computer):
            raise ServerError(f"requestComputer was answered with {type(found).__name__}")
        return found


class Supply(_Ordering):
    """Which software a computer offers."""

    def supply(self, software_release: str, computer_guid: str | None = None, state: str = "available") -> None:
        """Ask a computer to have a software release, or not to have it any more (`destroyed`)."""
        form = {"url": software_release, "computer_id": computer_guid, "state": state}
        try:
            self._helper.POST("supplySupply", form)
        except NotFoundError as error:
            raise NotFoundError(f"Computer {computer_guid} has not been found by SlapOS Master.") from error


class Token(_Ordering):
    """Leave to register a computer."""

    def request(self) -> str:
        """Return the text of a new token; raises KeyError on masters that give none."""
        return self._navigator.token()

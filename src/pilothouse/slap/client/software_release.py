"""A software release, of a node or by itself (spec 9.5)."""

from typing import TYPE_CHECKING, Any

from pilothouse.slap.client import report
from pilothouse.slap.client.remote import Remote, known_as

if TYPE_CHECKING:
    import logging


@known_as("SoftwareRelease")
class SoftwareRelease(Remote):
    """What is built on a node; without a computer only its URL can be asked."""

    _requested_state: str

    def __init__(
        self,
        software_release: str | None = None,
        computer_guid: str | None = None,
        requested_state: str = "available",
        **kw: Any,
    ) -> None:
        self._software_instance_list: list[Any] = []
        self._software_release = software_release
        self._computer_guid = computer_guid
        self._requested_state = requested_state
        self._join(kw.get("connection_helper"), kw.get("hateoas_navigator"))

    def getURI(self) -> str:
        """Return the URL; raises NameError when there is none."""
        if not self._software_release:
            raise NameError("software_release has not been defined.")
        return self._software_release

    def getComputerId(self) -> str:
        """Return the id of the computer; raises NameError when there is none."""
        if not self._computer_guid:
            raise NameError("computer_guid has not been defined.")
        return self._computer_guid

    def getState(self) -> str:
        """Return what is asked of the node: available or destroyed."""
        return self._requested_state or "available"

    def building(self) -> None:
        """Tell the master that the release is being built."""
        self._report("buildingSoftwareRelease")

    def available(self) -> None:
        """Tell the master that the release is there."""
        self._report("availableSoftwareRelease")

    def destroyed(self) -> None:
        """Tell the master that the release is gone."""
        self._report("destroyedSoftwareRelease")

    def error(self, error_log: object, logger: "logging.Logger | None" = None) -> None:
        """Tell the master that the release cannot be built; trouble with telling is logged, never raised."""
        report.quietly(lambda: self._report("softwareReleaseError", error_log=error_log), logger)

    def _report(self, method: str, **more: object) -> None:
        where = {"url": self.getURI(), "computer_id": self.getComputerId()}
        self._helper.POST(method, {**where, **more})

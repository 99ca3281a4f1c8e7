"""The request of an instance: the form that is sent, and the partition that it becomes (spec 2.4, 9.2)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pilothouse.slap import marshal_writer
from pilothouse.slap.client.exceptions import ResourceNotReady, ServerError
from pilothouse.slap.documents import Document

if TYPE_CHECKING:
    from pilothouse.slap.client.computer_partition import ComputerPartition
    from pilothouse.slap.client.remote import Remote

METHOD: Final = "requestComputerPartition"
DEFAULT_SOFTWARE_TYPE: Final = "default"
OLD_DEFAULT_SOFTWARE_TYPE: Final = "RootSoftwareInstance"


class Wanted(NamedTuple):
    """What is requested; parameters and filter are checked to be dictionaries (ValueError) when it is written."""

    software_release: str
    software_type: str | None
    partition_reference: str
    shared: bool = False
    partition_parameter_kw: Any = None
    filter_kw: Any = None
    state: str | None = None

    def marshalled(self) -> dict[str, Any]:
        """Return the fields of the form, without those of the requester."""
        return {
            "software_release": self.software_release,
            "software_type": self.software_type or DEFAULT_SOFTWARE_TYPE,
            "partition_reference": self.partition_reference,
            "shared_xml": _text(self.shared),
            "partition_parameter_xml": _text(_dictionary("partition_parameter_kw", self.partition_parameter_kw)),
            "filter_xml": _text(_dictionary("filter_kw", self.filter_kw)),
            "state": _text(self.state),
        }


def _text(value: object) -> str:
    return marshal_writer.dumps(value).decode()


def _dictionary(name: str, value: object) -> object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"Unexpected type of {name} {str(value)!r}")  # noqa: TRY004 - the documented class
    return value


def send(
    requester: "Remote", form: Mapping[str, Any], *, shared: bool, headers: Mapping[str, str] | None = None
) -> "ComputerPartition":
    """Return the partition that the master gave, or one that is not ready yet."""
    from pilothouse.slap.client.computer_partition import ComputerPartition  # noqa: PLC0415 - it requests, too

    helper, navigator = requester._connection_helper, requester._hateoas_navigator
    try:
        document = requester._helper.posted(METHOD, form, headers)
    except ResourceNotReady:
        return ComputerPartition(request_dict=dict(form), connection_helper=helper, hateoas_navigator=navigator)
    if not isinstance(document, Document):
        raise ServerError(f"{METHOD} was answered with {type(document).__name__} instead of an instance")
    partition = ComputerPartition(
        _first(document, "slap_computer_id", "_computer_id", 0),
        _first(document, "slap_computer_partition_id", "_partition_id", 1),
        connection_helper=helper,
        hateoas_navigator=navigator,
    )
    partition._adopt(document.attributes)
    if shared:
        partition._synced = True
    return partition


def _first(document: Document, name: str, other: str, argument: int) -> str:
    given = document.arguments[argument] if len(document.arguments) > argument else None
    return str(document.get(name) or document.get(other) or given or "")

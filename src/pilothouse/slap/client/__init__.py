"""The client library of a SlapOS master, in the shape of `slapos.slap`; see docs/slap-library.md.

>>> from pilothouse.slap.client import slap
"""

from pilothouse.slap.client.computer import Computer
from pilothouse.slap.client.computer_partition import ComputerPartition
from pilothouse.slap.client.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004 - the library's documented name
    HTTPError,
    NotFoundError,
    ResourceNotReady,
    ServerError,
    SlapException,
)
from pilothouse.slap.client.library import slap
from pilothouse.slap.client.open_order import OpenOrder, Supply, Token
from pilothouse.slap.client.request import DEFAULT_SOFTWARE_TYPE, OLD_DEFAULT_SOFTWARE_TYPE
from pilothouse.slap.client.software_instance import SoftwareInstance
from pilothouse.slap.client.software_product import SoftwareProductCollection
from pilothouse.slap.client.software_release import SoftwareRelease

__all__ = [
    "DEFAULT_SOFTWARE_TYPE",
    "OLD_DEFAULT_SOFTWARE_TYPE",
    "AuthenticationError",
    "Computer",
    "ComputerPartition",
    "ConnectionError",
    "HTTPError",
    "NotFoundError",
    "OpenOrder",
    "ResourceNotReady",
    "ServerError",
    "SlapException",
    "SoftwareInstance",
    "SoftwareProductCollection",
    "SoftwareRelease",
    "Supply",
    "Token",
    "slap",
]

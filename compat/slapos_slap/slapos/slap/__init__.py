"""`slapos.slap`, served by Pilothouse; refused in an environment that holds the original as well."""

from importlib.metadata import PackageNotFoundError, distribution

# from the submodule: imported later by others, it would take the place of the class of the same name
from slapos.slap.slap import (
    DEFAULT_SOFTWARE_TYPE,
    OLD_DEFAULT_SOFTWARE_TYPE,
    Computer,
    ComputerPartition,
    ConnectionError,  # noqa: A004 - the library's documented name
    NotFoundError,
    OpenOrder,
    ResourceNotReady,
    ServerError,
    SoftwareInstance,
    SoftwareProductCollection,
    SoftwareRelease,
    Supply,
    Token,
    slap,
)

__all__ = [
    "DEFAULT_SOFTWARE_TYPE",
    "OLD_DEFAULT_SOFTWARE_TYPE",
    "Computer",
    "ComputerPartition",
    "ConnectionError",
    "NotFoundError",
    "OpenOrder",
    "ResourceNotReady",
    "ServerError",
    "SoftwareInstance",
    "SoftwareProductCollection",
    "SoftwareRelease",
    "Supply",
    "Token",
    "slap",
]


def _refuse_beside_the_original() -> None:
    try:
        original = distribution("slapos.core")
    except PackageNotFoundError:
        return
    raise ImportError(
        f"slapos.core {original.version} and pilothouse-slapos-compat both bring slapos.slap; uninstall one of them"
    )


_refuse_beside_the_original()

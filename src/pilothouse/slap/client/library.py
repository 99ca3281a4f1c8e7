"""The door of the library: a connection to a master, and the objects that work over it (spec 9.1)."""

from typing import Any, Final

from pilothouse.slap.client.computer import Computer
from pilothouse.slap.client.computer_partition import ComputerPartition
from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import NotFoundError, SlapException
from pilothouse.slap.client.hateoas import Navigator
from pilothouse.slap.client.open_order import OpenOrder, Supply, Token
from pilothouse.slap.client.remote import Remote
from pilothouse.slap.client.software_instance import SoftwareInstance
from pilothouse.slap.client.software_release import SoftwareRelease

_HATEOAS: Final[dict[tuple[object, ...], str | None]] = {}
"""Where masters have their hateoas root, by how they were asked; None for those that have none."""


class slap(Remote):  # noqa: N801 - the library's documented name
    """A connection to one master; call `initializeConnection` first."""

    def initializeConnection(
        self,
        slapgrid_uri: str,
        key_file: str | None = None,
        cert_file: str | None = None,
        master_ca_file: str | None = None,
        timeout: float | None = 60,
        slapgrid_rest_uri: str | None = None,
        *,
        verify: bool | None = None,
    ) -> None:
        """Say where the master is, and how the client shows itself.

        ``master_ca_file`` is the only authority whose certificates are believed; without it the system's are,
        and with ``verify=False`` any at all. ``timeout`` is in seconds. The master is asked for its hateoas root
        unless ``slapgrid_rest_uri`` says it; that never raises.
        """
        helper = ConnectionHelper(slapgrid_uri, key_file, cert_file, master_ca_file, timeout, verify=verify)
        self._connection_helper = helper
        root = slapgrid_rest_uri or _hateoas_root(helper)
        self._hateoas_navigator = Navigator(root, helper) if root else None

    def registerComputer(self, computer_guid: str) -> Computer:
        """Return a computer; the master is not asked."""
        return Computer(computer_guid, self._connection_helper, self._hateoas_navigator)

    def registerComputerPartition(self, computer_guid: str, partition_id: str) -> ComputerPartition:
        """Return a partition; the master is not asked. Raises NotFoundError for empty ids."""
        if not computer_guid or not partition_id:
            raise NotFoundError
        return ComputerPartition(
            computer_guid,
            partition_id,
            connection_helper=self._connection_helper,
            hateoas_navigator=self._hateoas_navigator,
        )

    def registerSoftwareRelease(self, software_release: str) -> SoftwareRelease:
        """Return a software release that belongs to no computer; the master is not asked."""
        return SoftwareRelease(
            software_release,
            connection_helper=self._connection_helper,
            hateoas_navigator=self._hateoas_navigator,
        )

    def registerOpenOrder(self) -> OpenOrder:
        """Return what services are requested with."""
        return OpenOrder(self._connection_helper, self._hateoas_navigator)

    def registerSupply(self) -> Supply:
        """Return what software is supplied with."""
        return Supply(self._connection_helper, self._hateoas_navigator)

    def registerToken(self) -> Token:
        """Return what tokens are asked with; needs hateoas."""
        return Token(self._connection_helper, self._navigator)

    def getSoftwareReleaseListFromSoftwareProduct(
        self, software_product_reference: str | None = None, software_release_url: str | None = None
    ) -> list[str]:
        """Return the URLs of a product's releases, by its name or by another of its releases, the newest first."""
        named = {
            "software_product_reference": software_product_reference,
            "software_release_url": software_release_url,
        }
        given = {name: value for name, value in named.items() if value}
        if len(given) != 1:
            how_many = "Both" if given else "None"
            raise AttributeError(
                f"{how_many} of software_product_reference and software_release_url parameters are specified."
            )
        found: list[str] = self._live(self._helper.loaded("getSoftwareReleaseListFromSoftwareProduct", given))
        return found

    def getOpenOrderDict(self) -> dict[str, SoftwareInstance]:
        """Return the user's services by title; needs hateoas."""
        found = {}
        for entry in self._navigator.trees():
            instance = _bag(entry)
            instance.__dict__["_software_release_url"] = instance.__dict__.pop("_url_string", None)
            found[entry["title"]] = instance
        return found

    def getComputerDict(self) -> dict[str, SoftwareInstance]:
        """Return the user's computers by title; needs hateoas."""
        return {entry["title"]: _bag(entry) for entry in self._navigator.nodes()}


def _bag(entry: dict[str, Any]) -> SoftwareInstance:
    return SoftwareInstance(**{f"_{name}": value for name, value in entry.items()})


def _hateoas_root(helper: ConnectionHelper) -> str | None:
    asked = (helper.slapgrid_uri, helper.key_file, helper.cert_file, helper.master_ca_file, helper.timeout)
    if asked not in _HATEOAS:
        try:
            _HATEOAS[asked] = helper.GET("getHateoasUrl").decode("ascii").strip() or None
        except NotFoundError:
            _HATEOAS[asked] = None
        except (SlapException, UnicodeDecodeError):
            # A master that fails now may have it later. What is really asked of it will tell what is wrong.
            return None
    return _HATEOAS[asked]

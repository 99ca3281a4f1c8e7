"""Software products: names for the newest release of a software (spec 9.7)."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import logging


class Releases(Protocol):
    """Who is asked for the releases of a product: a `slap`."""

    def getSoftwareReleaseListFromSoftwareProduct(
        self, software_product_reference: str | None = None, software_release_url: str | None = None
    ) -> list[str]:
        """Return URLs, the newest first."""


class SoftwareProductCollection:
    """Products as attributes, `products.kvm`, or by name, `products.get("kvm")`: the URL of the newest release."""

    def __init__(self, logger: "logging.Logger", slap: Releases) -> None:
        self.logger = logger
        self.slap = slap

    def __getattr__(self, software_product: str) -> str:
        self.logger.info("Getting best Software Release corresponding to this Software Product...")
        found = self.slap.getSoftwareReleaseListFromSoftwareProduct(software_product)
        if not found:
            raise AttributeError("No Software Release corresponding to this Software Product has been found.")
        self.logger.info("Found as %s.", found[0])
        return found[0]

    def get(self, software_product: str) -> str:
        """Return the URL of the newest release; raises AttributeError when there is none."""
        return self.__getattr__(software_product)

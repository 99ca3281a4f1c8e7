"""A client command's way to its master: the library, connected as the configuration says (spec section 10.2)."""

import argparse
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError

if TYPE_CHECKING:
    from pilothouse.slap.client import slap

_PRODUCT: Final = "product."


class Session:
    """The connected library as ``slap``, the configuration, the log, and what names of releases stand for."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        from pilothouse.slap.client import slap

        self.log = logging.getLogger("slapos")
        self.configuration = configuration.read_client(
            chosen.cfg, getattr(chosen, "key_file", None), getattr(chosen, "cert_file", None)
        )
        self.log.debug("Loading config: %s", self.configuration.path)
        self.slap: slap = slap()
        self.slap.initializeConnection(
            self.configuration.master_url,
            self.configuration.key_file,
            self.configuration.cert_file,
            master_ca_file=self.configuration.ca_file,
            slapgrid_rest_uri=self.configuration.rest_url,
        )

    @property
    def lists(self) -> "slap":
        """The library where services and computers are looked up. Raises CommandError when the master has no lists."""
        if self.slap._hateoas_navigator is None:  # noqa: SLF001 - where the library has always kept it
            self._require_answer()
            where = f"{self.configuration.master_url.rstrip('/')}/hateoas"
            raise CommandError(
                "SlapOS Master Hateoas API required for this operation is not available.",
                f"The master does not say where it is. That of slapos proxy needs, in the section [slapos] of "
                f"{self.configuration.path}:\nmaster_rest_url = {where}",
            )
        return self.slap

    def _require_answer(self) -> None:
        """Let a master that is down be the error, not what it did not tell."""
        from pilothouse.slap.client import NotFoundError

        helper = self.slap._connection_helper  # noqa: SLF001 - where the library has always kept it
        if helper is not None:
            with contextlib.suppress(NotFoundError):
                helper.GET("getHateoasUrl")

    def release(self, named: str, *, products: bool = True) -> str:
        """Return the URL that a word stands for: an alias, ``product.<name>``, ``example.<name>``, or the word itself.

        Raises CommandError for a product that the master does not know, UsageError for an example that is not there.
        """
        from pilothouse.cli import examples

        if named in self.configuration.aliases:
            return self.configuration.aliases[named]
        if named.startswith(examples.PREFIX) and "/" not in named:
            return examples.url_of(named)
        if products and named.startswith(_PRODUCT):
            return self._product(named.removeprefix(_PRODUCT))
        if not (urlsplit(named).scheme or "/" in named or Path(named).exists() or Path(f"{named}.json").exists()):
            known = ", ".join(self.configuration.aliases) or "none"
            self.log.warning("'%s' is no URL and no alias of %s (%s); the master gets it as it is.",
                             named, self.configuration.path, known)  # fmt: skip
        return named

    def _product(self, name: str) -> str:
        from pilothouse.slap.client import SoftwareProductCollection

        try:
            return str(SoftwareProductCollection(self.log, self.slap).get(name))
        except AttributeError as error:
            text = f"Error: {error} Exiting now."
            raise CommandError(text, f"The master has no release of a product '{name}'; give the URL.") from None

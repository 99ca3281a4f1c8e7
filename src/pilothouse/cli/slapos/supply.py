"""``slapos supply`` and ``slapos remove``: which software releases a node installs (spec sections 10.4, 10.5)."""

import argparse
from typing import Final

from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("software_url", help="Your software url")
    parser.add_argument("node", help="Target node")
    add_client_file(parser)


def _supply(chosen: argparse.Namespace) -> None:
    from pilothouse.cli.slapos.session import Session

    session = Session(chosen)
    session.log.info("Requesting software installation of %s...", chosen.software_url)
    url = session.release(chosen.software_url)
    session.slap.registerSupply().supply(url, chosen.node, state="available")
    session.log.info("Done.")


def _remove(chosen: argparse.Namespace) -> None:
    from pilothouse.cli.slapos.session import Session

    session = Session(chosen)
    session.log.info("Requesting deletion of %s Software Release...", chosen.software_url)
    # a product is not looked up: its newest release need not be the one that is installed
    url = session.release(chosen.software_url, products=False)
    session.slap.registerSupply().supply(url, chosen.node, state="destroyed")
    session.log.info("Done.")


SUPPLY: Final = Entry(
    "supply a Software to a node",
    _arguments,
    _supply,
    "examples:\n  slapos supply https://example.org/software/kvm/software.cfg COMP-12345\n"
    "  slapos supply kvm COMP-12345            kvm is an alias of the configuration file\n"
    "  slapos supply product.kvm COMP-12345    product.kvm is a product of the master\n"
    "  slapos supply example.web COMP-12345    one of: pilothouse service examples",
)
REMOVE: Final = Entry(
    "remove a Software from a node",
    _arguments,
    _remove,
    "examples:\n  slapos remove kvm COMP-12345\n\nInstances of it that still exist on the node stop working.",
)

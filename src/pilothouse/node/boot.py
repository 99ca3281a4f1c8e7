"""``slapos node boot``: after a start of the machine, until everything is in its place (node spec, section 20)."""

import logging
import time
from collections.abc import Callable

from pilothouse.node import format as formatting
from pilothouse.node import master, network
from pilothouse.node.configuration import Configuration
from pilothouse.node.shape import Shape
from pilothouse.slap.client import SlapException

_log = logging.getLogger("slapos.boot")
_ADDRESS = 5.0
_AGAIN = 15.0


def run(config: Configuration, shape: Shape, sleep: Callable[[float], None] = time.sleep) -> int:
    """Format, ask for all instances to be processed, and forget what was up to date; never gives up."""
    _await_address(shape, sleep)
    while code := formatting.run(shape, dry=False):
        what = "Fail to format" if code == formatting.FAILED else "The master could not be told"
        _log.error("[BOOT] %s, try again in %d seconds...", what, _AGAIN)
        sleep(_AGAIN)
    while not _banged(config):
        sleep(_AGAIN)
    for path in sorted(config.instance_root.glob(f"{config.partition_base_name}*/.timestamp")):
        _log.info("Removing %s", path)
        path.unlink(missing_ok=True)
    return 0


def _await_address(shape: Shape, sleep: Callable[[float], None]) -> None:
    """Wait until the interface has the address that all others are derived from."""
    interface = shape.ipv6_interface or shape.interface_name
    while shape.alter_network and not shape.input_definition_file and not has_address(interface):
        _log.error("[BOOT] No IPv6 found on interface %r, try again in %d seconds...", interface, _ADDRESS)
        sleep(_ADDRESS)


def has_address(interface: str | None) -> bool:
    """Whether an interface has a global IPv6 address."""
    return any(name == interface and not scope for name, _, scope, _ in network.ipv6())


def _banged(config: Configuration) -> bool:
    try:
        master.computer(config).bang("Reboot")
    except SlapException as error:
        _log.error("[BOOT] The master could not be told, try again in %d seconds... %s", _AGAIN, error)
        return False
    return True

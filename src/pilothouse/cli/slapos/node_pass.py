"""What commands that keep this machine have in common: options, file, root, one at a time (node spec, section 2)."""

import argparse
import logging
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.options import NODE_VARIABLE, add_node_file

if TYPE_CHECKING:
    from pilothouse.node.configuration import Configuration, Sections

NO_ROOT: Final = 5
BUSY: Final = 10
_PIDFILES: Final = {
    "software": "/opt/slapos/slapgrid-sr.pid",
    "instance": "/opt/slapos/slapgrid-cp.pid",
    "report": "/opt/slapos/slapgrid-ur.pid",
}
_OPTIONS: Final = (
    *("instance_root", "software_root", "master_url", "computer_id", "buildout", "pidfile", "key_file", "cert_file"),
    *("signature_private_key_file", "master_ca_file", "certificate_repository_path", "maximum_periodicity"),
    *("promise_timeout", "partition_timeout", "maximal_delay", "only_sr", "only_cp"),
)
_log = logging.getLogger("slapos")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of section 2.8; what is not given comes from the file."""
    add = parser.add_argument
    add_node_file(parser)
    add("--instance-root", help="The instance root directory location.")
    add("--software-root", help="The software_root directory location.")
    add("--master-url", help="The master server URL. Mandatory.")
    add("--computer-id", help="The computer id defined in the server.")
    add("--supervisord-socket", help="The socket supervisor will use (accepted, not heeded).")
    add("--supervisord-configuration-path",
        help="The location where supervisord configuration will be stored (accepted, not heeded).")  # fmt: skip
    add("--buildout", help="Location of buildout binary.")
    add("--pidfile", help="The location where pidfile will be created.")
    add("--key_file", help="SSL Authorisation key file.")
    add("--cert_file", help="SSL Authorisation certificate file.")
    add("--signature_private_key_file", help="Signature private key file.")
    add("--master_ca_file", help="Root certificate of SlapOS master key.")
    add("--certificate_repository_path", help="Path to directory where downloaded certificates would be stored.")
    add("--maximum-periodicity", type=int, help="Periodicity at which buildout should be run in instance.")
    add("--promise-timeout", type=int, help="Promise timeout in seconds.")
    add("--partition-timeout", type=int, help="Instance buildout timeout in seconds.")
    add("--now", action="store_true", help="Launch slapgrid without delay. Default behavior.")
    add("--maximal_delay", type=int,
        help="The maximal delay value in seconds. A negative value leads to immediate execution.")  # fmt: skip


def sections_of(cfg: str | None) -> "tuple[str, Sections]":
    """Return the node's file and what stands in it. Raises CommandError."""
    import configparser

    path = configuration.node_path(cfg)
    parser = configuration.read(
        path, f"Make one with: slapos configure local, slapos node register; or name one: --cfg FILE, ${NODE_VARIABLE}."
    )
    try:
        return path, {name: dict(parser[name]) for name in parser.sections()}
    except configparser.InterpolationError as error:
        raise CommandError(f"Cannot parse configuration file: {path}", f"{error}\nWrite %% for a plain %.") from None


def load(chosen: argparse.Namespace) -> "Configuration":
    """Return the node's configuration with the command line over it."""
    from pilothouse.node.configuration import configuration as read

    path, sections = sections_of(chosen.cfg)
    return read(path, sections, {name: getattr(chosen, name, None) for name in _OPTIONS})


def is_refused(*, root_check: bool) -> bool:
    """Whether the command must not go on, because it needs root; says so."""
    if root_check and os.geteuid() != 0:
        _log.error("This slapos command must be run as root.")
        return True
    return False


def run(chosen: argparse.Namespace, kind: str, work: "Callable[[Configuration], int]") -> int:
    """Do one pass: as root if asked, after the delay, one at a time; returns its exit code."""
    from pilothouse.node import pidfile
    from pilothouse.node.errors import BusyError

    config = load(chosen)
    if is_refused(root_check=config.root_check):
        return NO_ROOT
    # what this process was started by may be an instance of another node
    os.environ.pop("SLAPGRID_INSTANCE_ROOT", None)
    if not chosen.now:
        _wait(config.maximal_delay)
    path = str(getattr(config, f"pidfile_{kind}") or config.pidfile or _PIDFILES[kind])
    signal.signal(signal.SIGTERM, _ended)
    try:
        with pidfile.held(path):
            return work(config)
    except BusyError as error:
        _log.info("%s", error)
        return BUSY
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _wait(most: int) -> None:
    if most <= 0:
        return
    import random
    import time

    seconds = random.randint(1, most)  # noqa: S311 - spreads load
    _log.info("Sleeping for %d seconds. To disable this feature, use --now parameter in manual.", seconds)
    time.sleep(seconds)


def _ended(number: int, _: Any) -> None:
    """Take the programs along that this pass has started, then end as if nothing had been set up."""
    from pilothouse.node import child

    child.end_running()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)

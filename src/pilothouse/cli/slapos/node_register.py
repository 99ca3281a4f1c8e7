"""``slapos node register``: this machine becomes a computer of a master (spec section 10.13)."""

import argparse
import logging
import os
import re
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos import configuration, registration
from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

_NO_ROOT: Final = 5
_REACHABLE: Final = 0o055  # read and enter, for group and others

_DESCRIPTION: Final = """\
Register a new computer on SlapOS Master.

This command will generate everything you need for run your slapos node,
The files at /etc/opt/slapos (by default):

  - /etc/opt/slapos/slapos.cfg: The configuration of your SlapOS Node
  - /etc/opt/slapos/ssl/certificate : Your server SSL Certificate
  - /etc/opt/slapos/ssl/key: Your server SSL Private Key"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("node_name", help="Chosen title for the node")
    add_node_file(parser)
    add("--interface-name", default="lo",
        help="Primary network interface. IP of Partitions will be added to it (default: %(default)s)")  # fmt: skip
    add("--master-url", default=registration.MASTER_URL, help="URL of SlapOS Master REST API (default: %(default)s)")
    add("--master-url-web", default=registration.MASTER_URL_WEB,
        help="URL of SlapOS Master webservice to register certificates (default: %(default)s)")  # fmt: skip
    add("--partition-number", type=int, default=10,
        help="Number of partitions to create in the SlapOS Node (default: %(default)s)")  # fmt: skip
    add("--ipv4-local-network", default="10.0.0.0/16", help="Subnetwork used to assign local IPv4 addresses. It should "
        "be a not used network in order to avoid conflicts (default: %(default)s)")  # fmt: skip
    add("--ipv6-interface", help="Interface name to get ipv6")
    add("--software-root", default="/opt/slapgrid", help="Path of the software directory (default: %(default)s)")
    add("--instance-root", default="/srv/slapgrid", help="Path of the instance directory (default: %(default)s)")
    add("--login-auth", action="store_true", help="Force login and password authentication")
    add("--login", help="Your SlapOS Master login. Asks it interactively, then password.")
    add("--password", help="Your SlapOS Master password. If not provided, asks it interactively. NOTE: giving password "
        "as parameter should be avoided for security reasons.")  # fmt: skip
    add("--token", help="SlapOS 'computer security' authentication token (asked for when it is left out)")
    add("--create-tap", "-t", action="store_true", help='Will trigger creation of one virtual "tap" interface per '
        "Partition and attach it to primary interface. Requires primary interface to be a bridge. "
        "Needed to host virtual machines (default: %(default)s)")  # fmt: skip
    add("--dry-run", "-n", action="store_true", help="Simulate the execution steps: nothing is written here, but the "
        "master registers the node and the token is used (default: %(default)s)")  # fmt: skip


def _run(chosen: argparse.Namespace) -> int:
    log = logging.getLogger("slapos")
    if os.geteuid() != 0:
        log.error("This slapos command must be run as root.")
        return _NO_ROOT
    path = Path(configuration.node_path(chosen.cfg)).absolute().with_name("slapos.cfg")
    _require_place(path.parent, chosen)
    try:
        granted = granted_to(chosen, log)
    except (registration.DeniedError, registration.WrongLoginError) as error:
        log.critical("%s", error)
        return FAILED
    reference = computer_id(granted)
    write(path, granted, node_configuration(path.parent, reference, chosen), log, dry=chosen.dry_run)
    log.info("Node has successfully been configured as %s.", reference)
    log.info("Now please invoke slapos node boot on your site.")
    return 0


def _require_place(folder: Path, chosen: argparse.Namespace) -> None:
    """Raise before the token is used, which is valid once, what would keep the files from being written after it."""
    node_configuration(folder, "COMP-0", chosen)
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not chosen.dry_run and not (there.is_dir() and os.access(there, os.W_OK)):
        raise CommandError(f"{there} cannot be written to", "Choose another place with --cfg FILE.")


def granted_to(chosen: argparse.Namespace, log: logging.Logger) -> registration.Granted:
    """Return the node's certificate, for a token or, with masters that have none, for a login."""
    if not (chosen.login_auth or chosen.login or chosen.password):
        token = registration.token(chosen.token, "Computer security token: ")
        return registration.computer(chosen.master_url_web, token, chosen.node_name)
    while True:
        login = registration.token(chosen.login, "SlapOS Master Login: ", hidden=False)
        password = registration.token(chosen.password, "SlapOS Master Password: ")
        if registration.signed_in(chosen.master_url_web, login, password):
            return registration.computer_by_login(chosen.master_url_web, login, password, chosen.node_name)
        log.warning("Wrong login/password")
        if chosen.password:
            raise registration.WrongLoginError


def computer_id(granted: registration.Granted) -> str:
    """Return the reference that a certificate names. Raises CommandError when there is none."""
    found = re.search(r"(COMP-.*?)/email", granted.certificate, re.DOTALL)
    if found:
        return found[1]
    reference = granted.reference or _common_name(granted.certificate)
    if not reference:
        raise CommandError("The certificate names no computer", "The node is registered; ask the master's operator.")
    return reference


def node_configuration(folder: Path, reference: str, chosen: argparse.Namespace) -> str:
    """Return the text of ``slapos.cfg`` for what was chosen."""
    from pilothouse.cli.slapos import templates

    general: dict[str, str | None] = {
        "computer_id": reference,
        "master_url": chosen.master_url,
        "key_file": str(folder / "ssl" / "key"),
        "cert_file": str(folder / "ssl" / "certificate"),
        "certificate_repository_path": str(folder / "ssl" / "partition_pki"),
        "software_root": chosen.software_root,
        "instance_root": chosen.instance_root,
    }
    shape: dict[str, str | None] = {
        "interface_name": chosen.interface_name,
        "ipv4_local_network": chosen.ipv4_local_network,
        "partition_amount": str(chosen.partition_number),
        "create_tap": str(chosen.create_tap),
        "ipv6_interface": chosen.ipv6_interface,
    }
    return templates.filled("slapos.cfg", {"slapos": general, "slapformat": shape})


def write(path: Path, granted: registration.Granted, text: str, log: logging.Logger, *, dry: bool) -> None:
    """Write the node's folder; a former one is moved aside. With ``dry`` only say so."""
    folder, secrets = path.parent, path.parent / "ssl"
    if not dry:
        _move_aside(folder, log)
    _folder(folder, log, dry=dry)
    if not dry:
        _open_way(folder, log)
    _folder(secrets, log, dry=dry)
    _file(secrets / "key", granted.key, 0o600, log, dry=dry)
    _file(secrets / "certificate", granted.certificate, 0o600, log, dry=dry)
    _folder(secrets / "partition_pki", log, dry=dry)
    if not dry:
        _put(path, text, 0o644)
    log.info("SlapOS configuration written to %s", path)


def _move_aside(folder: Path, log: logging.Logger) -> None:
    if not (folder / "slapos.cfg").exists():
        return
    number, aside = 0, folder.with_name(f"{folder.name}.old")
    while aside.exists():
        number += 1
        aside = folder.with_name(f"{folder.name}.old.{number}")
    log.info("Former configuration moved: %s is now %s", folder, aside)
    folder.rename(aside)


def _folder(path: Path, log: logging.Logger, *, dry: bool) -> None:
    log.info("Creating directory: %s", path)
    if not dry:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o711)


def _open_way(folder: Path, log: logging.Logger) -> None:
    """Let partitions' users come through to the folder."""
    for parent in folder.absolute().parents:
        mode = parent.stat().st_mode & 0o7777
        if mode & _REACHABLE != _REACHABLE:
            log.info("Letting group and others read and enter: %s", parent)
            parent.chmod(mode | _REACHABLE)


def _file(path: Path, text: str, mode: int, log: logging.Logger, *, dry: bool) -> None:
    log.info("Copying to '%s', and setting minimum privileges", path)
    if not dry:
        _put(path, text, mode)


def _put(path: Path, text: str, mode: int) -> None:
    from pilothouse.files import write_atomic

    write_atomic(path, text.encode(), mode=mode, durable=True)


def _common_name(certificate: str) -> str:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    start = certificate.find("-----BEGIN CERTIFICATE-----")
    try:
        loaded = x509.load_pem_x509_certificate(certificate[max(start, 0) :].encode())
    except ValueError:
        return ""
    return next((str(name.value) for name in loaded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), "")


COMMAND: Final = Entry(
    _DESCRIPTION,
    _arguments,
    _run,
    "examples:\n  slapos node register mycomputer\n"
    "  slapos node register mycomputer --interface-name br0 --create-tap\n"
    "  slapos node register mycomputer --master-url https://slap.example.org --master-url-web https://example.org\n\n"
    "The token is on the web page of the master: Servers, then Token. It is valid once, for one day.",
)

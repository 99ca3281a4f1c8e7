"""``slapos configure client``: a token becomes a certificate and a configuration file (spec section 10.12)."""

import argparse
import logging
import os
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos import configuration, registration
from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_client_file

_PRIVATE: Final = 0o600


class PresentError(CommandError):
    """A file that would be written is there already."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"There is a file in {path}. Please remove it before creating a new {what}.")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_client_file(parser)
    parser.add_argument("--master-url", default=registration.MASTER_URL,
                        help="URL of SlapOS Master REST API (default: %(default)s)")  # fmt: skip
    parser.add_argument("--master-url-web", default=registration.MASTER_URL_WEB,
                        help="URL of SlapOS Master webservice to register certificates "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--token", help="SlapOS 'credential security' authentication token (if this parameter is "
                        "omitted, the token will be prompted during configuration)")  # fmt: skip


def _run(chosen: argparse.Namespace) -> int:
    log = logging.getLogger("slapos")
    token = registration.token(chosen.token, "Credential security token: ")
    path = Path(configuration.client_path(chosen.cfg)).absolute()
    try:
        write(path, chosen.master_url, chosen.master_url_web, token)
    except (PresentError, registration.DeniedError) as error:
        log.critical("%s", error)
        return FAILED
    log.info("SlapOS client configuration written to %s", path)
    return 0


def write(path: Path, master: str, web: str, token: str) -> None:
    """Write the configuration, ``client.crt`` and ``client.key``; nothing when the master gives no certificate.

    Raises PresentError, registration.DeniedError, CommandError, FetchError.
    """
    from pilothouse.cli.slapos import templates
    from pilothouse.files import write_atomic

    certificate, key = path.with_name("client.crt"), path.with_name("client.key")
    text = templates.filled(
        "slapos-client.cfg",
        {"slapos": {"master_url": master}, "slapconsole": {"cert_file": str(certificate), "key_file": str(key)}},
    )
    _refuse_present(path, "configuration")
    # before the token is used: it is valid once, and would be lost if nothing could be written then
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path.parent} cannot be written to", "Choose another place with --cfg FILE.")
    _refuse_present(certificate, "certificate")
    _refuse_present(key, "key")
    granted = registration.person(web, token)
    write_atomic(certificate, granted.certificate.encode(), mode=_PRIVATE, durable=True)
    write_atomic(key, granted.key.encode(), mode=_PRIVATE, durable=True)
    write_atomic(path, text.encode(), mode=_PRIVATE, durable=True)


def _refuse_present(path: Path, what: str) -> None:
    if path.exists():
        raise PresentError(path, what)


COMMAND: Final = Entry(
    "configure slapos client with an existing account",
    _arguments,
    _run,
    "The token is on the web page of the master: Account, then Token. It is valid once, for one day.\n"
    "Leave out --token to keep it from the list of processes: it is asked for, or read from standard input.",
)

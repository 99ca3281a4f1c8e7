"""``pilothouse tagent``: a daemon that speaks the Tagent protocol (spec section 7)."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pilothouse.errors import UsageError
from pilothouse.files import write_atomic

_DEFAULT: Final = "127.0.0.1:3939"
_HIGHEST_PORT: Final = 65535
_TEXT: Final = """\
Serve commands and files to engines that know the credential. Whoever knows it can do on this machine what this user
can (as root: what anybody can), and the protocol hides nothing from those who listen in: keep it on networks you trust.
The credential is the first line of a file that only you can read. End the daemon with TERM or Ctrl-C.
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(prog="pilothouse tagent", description=_TEXT)
    parser.add_argument("--listen", default=_DEFAULT, metavar="ADDRESS:PORT", help=f"where (default {_DEFAULT})")
    parser.add_argument("--credential-file", required=True, type=Path, metavar="FILE", help="holds the credential")
    parser.add_argument("--encrypted", action="store_true", help="speak Tagent1.1s, which encrypts with RC4")
    parser.add_argument(
        "--register",
        action="append",
        default=[],
        metavar="URL",
        help="register with a runner there, and show it signs of life; may be repeated",
    )
    parser.add_argument("--tenant", default="", metavar="NAME", help="the tenant to register for")
    return parser


def main(words: Sequence[str]) -> int:
    """Serve until told to end."""
    options = make_parser().parse_args(words)
    host, port = _address(options.listen)
    if options.register and not options.credential_file.exists():
        _make_credential(options.credential_file)
    _private(options.credential_file)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    return asyncio.run(_serve(host, port, options))


async def _serve(host: str, port: int, options: argparse.Namespace) -> int:
    from pilothouse.transports.tagent_credential import CredentialFile
    from pilothouse.transports.tagent_server import TagentServer

    credential = CredentialFile(options.credential_file)
    server = TagentServer(credential, encrypted=options.encrypted)
    bound = await server.listen(host, port)
    print(f"listening on {host}:{bound}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    member = None
    if options.register:
        from pilothouse.transports.tagent_membership import Member

        state = options.credential_file.with_name(f"{options.credential_file.name}.membership")
        member = asyncio.create_task(Member(options.register, options.tenant, credential, state, bound).run())
    await stop.wait()
    if member is not None:
        member.cancel()
        await asyncio.wait([member])
    await server.close()
    return 0


def _make_credential(path: Path) -> None:
    from pilothouse.transports.tagent_membership import new_credential
    from pilothouse.transports.tagent_wire import seal_credential

    write_atomic(path, f"{seal_credential(new_credential())}\n".encode(), mode=0o600)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > _HIGHEST_PORT:
        raise UsageError(f"--listen {text!r}: give an address and a port, such as {_DEFAULT}")
    return host.strip("[]"), int(port)


def _private(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & 0o077:
        raise UsageError(f"{path}: others may read or change it (mode {mode & 0o777:o}); run: chmod 600 {path}")

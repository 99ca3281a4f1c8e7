"""Making a connection: plain on loopback, TLS elsewhere (spec sections 4.3 and 8.1)."""

import socket
import time
from typing import TYPE_CHECKING

from pilothouse.headless.client.address import Address, resolve
from pilothouse.headless.client.command_line import Call
from pilothouse.headless.client.evidence import check_evidence
from pilothouse.headless.client.link import Link
from pilothouse.headless.client.report import Report
from pilothouse.headless.client.settings import ClientSettings
from pilothouse.headless.client.stop import ClientError, LostError, ParameterError, TrustError

if TYPE_CHECKING:
    import ssl


def dial(call: Call, settings: ClientSettings, report: Report) -> Link:
    """Return a connection to the first address that takes one; the preambles are exchanged.

    Raises LostError, TrustError for a certificate or peer that is not the server's, ParameterError for plain
    text where others could read it, and for an osuser whom no server there could believe.
    """
    until = time.monotonic() + settings.connect_timeout
    last: ClientError = LostError(f"{call.service} cannot be reached in {settings.connect_timeout:g} s")
    addresses = resolve(call.host, call.port, settings.connect_timeout)
    loopback = any(address.loopback for address in addresses)
    check_evidence(call.auth, secret=call.secret is not None, certificate=bool(settings.cert_file), loopback=loopback)
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            return _connect(address, call, settings, report, left)
        except LostError as error:
            last = error
    raise last


def wants_tls(address: Address, encrypted: str) -> bool:
    """Return whether TLS is to be used; raises ParameterError when that is switched off and others could listen."""
    if encrypted == "false" and not address.loopback:
        raise ParameterError(f"encrypted=false is for loopback only, and {address.place[0]} is another computer")
    return encrypted == "true" or not address.loopback


def _connect(address: Address, call: Call, settings: ClientSettings, report: Report, seconds: float) -> Link:
    tls = wants_tls(address, settings.encrypted)
    wire = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        wire.settimeout(seconds)
        wire.connect(address.place)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        version = ""
        if tls:
            wire, version = _encrypt(wire, call, settings)
        link = Link(wire, report, tls=tls, loopback=address.loopback)
        link.greet(time.monotonic() + seconds)
    except BaseException as error:
        wire.close()
        if isinstance(error, OSError):
            raise LostError(f"{call.service} cannot be reached: {error.strerror or error}") from error
        raise
    report.info(f"connected to {call.service}{version}")
    return link


def _context(settings: ClientSettings) -> "ssl.SSLContext":
    import ssl

    names = "ca_file"
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        names = "cert_file or key_file"
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        files = settings.ca_file if names == "ca_file" else f"{settings.cert_file} {settings.key_file or ''}".rstrip()
        why = error.strerror if error.errno and not isinstance(error, ssl.SSLError) else "no PEM file of the right kind"
        raise ParameterError(f"{names} cannot be used: {files}: {why}") from error
    return context


def _encrypt(wire: socket.socket, call: Call, settings: ClientSettings) -> tuple[socket.socket, str]:
    import ssl  # a call on loopback needs none

    context = _context(settings)
    try:
        encrypted = context.wrap_socket(wire, server_hostname=settings.server_name or call.host)
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message.rstrip(".")
        raise TrustError(
            f"the certificate of {call.service} is not trusted: {why}; set ca_file to the server's authority, "
            "and server_name to a name that the certificate has"
        ) from error
    except ssl.SSLEOFError as error:  # a plain port, or a server that is just going down
        raise LostError(
            f"{call.service} closed the connection instead of encrypting it; if it is a plain port, take that of TLS"
        ) from error
    except ssl.SSLError as error:
        hint = "; the server does not speak TLS on this port" if error.reason == "WRONG_VERSION_NUMBER" else ""
        raise TrustError(f"TLS with {call.service} failed: {error.reason}{hint}") from error
    return encrypted, f" ({encrypted.version()})"

"""Asking whether a service answers: by TCP, or by HTTP.

Shared by the tools of the runner, which may run under another Python than the engine; so this needs nothing but
the standard library, and no recent one.
"""  # noqa: INP001 - a folder of programs, not a package

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from email.message import Message

UP = (200, 302)
LONGEST_BODY = 1 << 20
HIGHEST_PORT = 65535
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:/\s]+)):(?P<port>[0-9]{1,5})")


class Answer(NamedTuple):
    """How long it took, in seconds, and what was wrong; an empty ``error`` means that the service is up."""

    seconds: float
    error: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message[str, str],
        newurl: str,
    ) -> None:
        """Follow nothing: 302 itself is an answer."""
        return


def is_url(target: str) -> bool:
    """Say whether a target is a web address."""
    return target.startswith(("http://", "https://"))


def address(target: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[host]:port``; raises ValueError."""
    match = _ADDRESS.fullmatch(target)
    if not match or not 0 < int(match["port"]) <= HIGHEST_PORT:
        raise ValueError(f"{target!r} is no target; allowed: http://..., https://..., host:port")
    return match["six"] or match["host"], int(match["port"])


def tcp(host: str, port: int, timeout: float) -> Answer:
    """Connect and hang up. ``timeout`` is in seconds."""
    start = time.monotonic()
    try:
        socket.create_connection((host, port), timeout).close()
    except OSError as error:
        return Answer(time.monotonic() - start, f"{host}:{port} does not answer: {error}")
    return Answer(time.monotonic() - start, "")


def web(
    url: str, timeout: float, *, keyword: str = "", insecure: bool = False, method: str = "GET", body: str = ""
) -> Answer:
    """Ask ``url``: up means status 200 or 302, and ``keyword`` in the body when one is given.

    Certificates are checked unless ``insecure``.
    """
    start = time.monotonic()
    try:
        request = urllib.request.Request(url, body.encode() if body else None, method=method)  # noqa: S310 - http(s)
        if body.startswith(("{", "[")):
            request.add_header("Content-Type", "application/json")
        error = _web_error(request, timeout, keyword, insecure)
    except ValueError as fault:
        error = f"{url} is no web address: {fault}"
    return Answer(time.monotonic() - start, error)


def verification(insecure: bool) -> ssl.SSLContext:
    """Return how certificates are checked: always, unless ``insecure``."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _web_error(request: urllib.request.Request, timeout: float, keyword: str, insecure: bool) -> str:
    url = request.full_url
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=verification(insecure)))
    try:
        with opener.open(request, timeout=timeout) as reply:
            status, body = reply.status, reply.read(LONGEST_BODY)
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, body = refusal.code, refusal.read(LONGEST_BODY)
    except Exception as error:  # noqa: BLE001 - whatever a broken service sends, it is not up
        return f"{url} does not answer: {getattr(error, 'reason', None) or error}"
    if status not in UP:
        return f"{url} answers with status {status}"
    if keyword and keyword.encode() not in body:
        return f"{url} answers without {keyword!r}"
    return ""


def node() -> dict[str, Any]:
    """Return the node this operation is about, from AUTOEXEC_NODE; empty without one."""
    return dict(json.loads(os.environ.get("AUTOEXEC_NODE") or "{}"))


def reading(about: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Return an inspection's ``DATA`` for the node ``about``."""
    return {
        "MGMT_IP": about.get("host", ""),
        "PORT": about.get("port"),
        "RESOURCE_ID": about.get("resourceId"),
        "AVAILABILITY": 0 if answer.error else 1,
        "RESPONSE_TIME": round(answer.seconds, 3),
        "ERROR_MESSAGE": answer.error,
    }


def save(outputs: dict[str, Any]) -> None:
    """Hand back the outputs in the file that OUTPUT_PATH names."""
    path = os.environ.get("OUTPUT_PATH") or "output.json"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120 - quick to load
    beside = f"{path}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(outputs, stream, ensure_ascii=False)
    os.replace(beside, path)  # noqa: PTH105

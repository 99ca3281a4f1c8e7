"""The IPv4 address under which others see this machine (node spec, 6.9).

Web services are asked that the configuration names; whoever names none tells nobody of the machine.
"""

import logging
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from ipaddress import IPv4Address
from typing import Final

_log: Final = logging.getLogger("slapos")
_SECONDS: Final = 15.0
_LONGEST: Final = 64  # bytes of an answer


def found(services: Iterable[str]) -> str | None:
    """Return the first address that two services in turn agree on, None when there is none."""
    before = None
    for url in services:
        now = _answer(url)
        if now is not None and now == before:
            return now
        before = now or before
    return None


def _answer(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as reply:  # noqa: S310 - http and https, as the shape says
            return str(IPv4Address(reply.read(_LONGEST).decode("ascii").strip()))
    except (OSError, ValueError, HTTPException) as error:
        _log.debug("%s does not tell the address of this machine: %s", url, error)
        return None

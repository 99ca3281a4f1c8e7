"""Two well-known frontends that are answered although nothing hosts them (slapos-master 6.8)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from pilothouse.services.instance import InstanceRequest

_REPOSITORY: Final = "http://git.erp5.org/gitweb/slapos.git/blob_plain"
FRONTEND: Final = f"{_REPOSITORY}/HEAD:/software/apache-frontend/software.cfg"
KVM: Final = f"{_REPOSITORY}/refs/tags/slapos-0.92:/software/kvm/software.cfg"
_PLAIN_TYPES: Final = ("", "RootSoftwareInstance", "default")


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: what the frontend would publish, and what stands in the place of a partition."""

    partition: str
    connection: dict[str, str]


def bypass(asked: InstanceRequest, base: str = "") -> Bypass | None:
    """Return the answer for one of the two frontends, None for everything else.

    ``base`` is the address under which this server is reached by https, empty otherwise.
    """
    if not asked.shared:
        return None
    values = asked.parameters
    if asked.software_url == FRONTEND and asked.software_type in _PLAIN_TYPES and values.get("url"):
        return _web(values["url"], base.rstrip("/"))
    if asked.software_url == KVM and asked.software_type == "frontend" and {"host", "port"} <= values.keys():
        return _kvm(values)
    return None


def _web(url: str, base: str) -> Bypass:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not close
        parts = urlsplit("")
    secure, domain = url, parts.netloc
    if base.startswith("https://") and parts.netloc:
        rest = f"?{parts.query}" * bool(parts.query) + f"#{parts.fragment}" * bool(parts.fragment)
        secure = f"{base}/http_proxy/{parts.scheme}/{parts.netloc}{parts.path}{rest}"
        domain = urlsplit(base).netloc
    return Bypass(partition=f"Fake frontend for {url}", connection={"secure_access": secure, "domain": domain})


def _kvm(values: Mapping[str, str]) -> Bypass:
    host = f"[{values['host']}]" if ":" in values["host"] else values["host"]
    url = f"https://{host}:{values['port']}/"
    return Bypass(
        partition=f"Fake KVM VNC frontend for {url}",
        connection={"url": url, "domainname": host, "port": values["port"], "path": "/"},
    )

"""Manager ``portredir``: ports of the machine lead to services of partitions, by socat (node spec, 23.4)."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pilothouse.node import identity, managers, supervision, supervisord
from pilothouse.node.errors import NodeError
from pilothouse.node.managers import wishes

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_FILE: Final = ".slapos-port-redirect"
_PRIVILEGED: Final = 1024
_LAST: Final = 65535


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """One port; ``source`` is None for all addresses of the machine."""

    kind: str
    port: int
    source: IPv4Address | IPv6Address | None
    target: IPv4Address | IPv6Address
    target_port: int

    @property
    def name(self) -> str:
        """The name of its program."""
        return f"socat-{self.kind}-{self.port}"

    def command(self, socat: str) -> str:
        """Return the command line."""
        kind, to = self.kind.upper(), self.target
        bind = f",bind={_shown(self.source)}" if self.source else ""
        own = self.source.version if self.source else 4
        listen = f"{kind}{own}-LISTEN:{self.port}{bind},fork"
        return f"{socat} {listen} {kind}{to.version}:{_shown(to)}:{self.target_port}"


def redirects(asked: Iterable[Any], addresses: Iterable[str]) -> Iterator[Redirect | str]:
    """Yield what is to be redirected, or what is wrong with an entry; ``addresses`` are the partition's. Pure."""
    default = next((one for one in addresses if ":" in one), None)
    seen: set[str] = set()
    for entry in asked:
        try:
            found = _redirect(entry, default)
        except (KeyError, TypeError, ValueError) as error:
            yield f"{entry!r}: {'no ' if isinstance(error, KeyError) else ''}{error}"
            continue
        if found.name in seen:
            yield f"{entry!r}: the port is redirected already"
            continue
        seen.add(found.name)
        yield found


def _redirect(entry: Any, default: str | None) -> Redirect:
    if not isinstance(entry, dict):
        raise TypeError("give an object with srcPort and destPort")
    kind = entry.get("type", "tcp")
    if kind not in {"tcp", "udp"}:
        raise ValueError(f"type is {kind!r}; give tcp or udp")
    target = entry.get("destAddress", default)
    if target is None:
        raise ValueError("destAddress is missing, and the partition has no IPv6 address")
    source = entry.get("srcAddress")
    return Redirect(
        kind=kind,
        port=_port(entry, "srcPort"),
        source=None if source is None else _address(source),
        target=_address(target),
        target_port=_port(entry, "destPort"),
    )


def _port(entry: dict[str, Any], name: str) -> int:
    port = int(entry[name])
    if not 0 < port <= _LAST:
        raise ValueError(f"{name} is {port}; give a port")
    return port


def _address(text: object) -> IPv4Address | IPv6Address:
    found = ip_address(str(text))
    if "%" in str(found):  # the rest of it may be anything, and would become part of a command line
        raise ValueError(f"{text!r} names an interface")
    return found


def _shown(address: IPv4Address | IPv6Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004


class Manager(managers.Manager):
    """Keeps a group of socats for each partition that asks for it."""

    def instance_tear_down(self, one: "Partition") -> None:
        """Bring the group to what the partition asks for. Raises NodeError without socat."""
        group, folder = f"{one.place.name}-socat", one.place.folder
        found = []
        for each in redirects(wishes.listed(folder / _FILE) or (), one.wanted.addresses):
            if isinstance(each, str):
                _log.warning("%s: %s", folder / _FILE, each)
            else:
                found.append(each)
        if not found:
            if one.node.group_file(group).exists():
                supervisord.stop_group(one.node, one.supervisor, group)
            return
        text = _group(group, one, found)
        changed = supervisord.written(one.node.group_file(group), text)
        supervisord.start_new(one.node, one.supervisor, group, changed=changed)


def _group(group: str, one: "Partition", found: list[Redirect]) -> str:
    socat = shutil.which("socat")
    if socat is None:
        raise NodeError(f"{one.place.name} asks for redirected ports, but the program socat is missing; install it")
    status = one.place.folder.stat()
    account = identity.account_of(status.st_uid)
    programs = [
        supervision.Service(
            each.name,
            each.command(socat),
            watched=False,
            uid=0 if each.port < _PRIVILEGED else status.st_uid,
            gid=0 if each.port < _PRIVILEGED else status.st_gid,
        )
        for each in found
    ]
    return supervision.group_text(group, one.place.folder, programs, supervision.Account(account.name, account.home))

"""Addresses, taps, tuns and routes of this machine, by iproute2 (node spec, sections 6.7 and 6.8)."""

import json
import logging
import subprocess
import time
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path
from typing import Any, Final

from pilothouse.node.computer import Device
from pilothouse.node.errors import NodeError
from pilothouse.node.system import System

_log = logging.getLogger("slapos")
_TENTATIVE: Final = 0x40
_FAILED: Final = 0x08
_SETTLE: Final = 5.0


class RefusedError(NodeError):
    """An address cannot be had: another interface, or another machine, has it."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"The address {address} cannot be had; see the lines above")


def ipv6(text: str | None = None) -> Iterator[tuple[str, IPv6Interface, int, int]]:
    """Yield interface, address, scope (0 is global) and flags of all IPv6 addresses."""
    path = Path("/proc/net/if_inet6")
    lines = text if text is not None else path.read_text("ascii") if path.exists() else ""
    for line in lines.splitlines():
        address, _, length, scope, flags, name = line.split()
        yield name, IPv6Interface((int(address, 16), int(length, 16))), int(scope, 16), int(flags, 16)


def ipv4() -> Iterator[tuple[str, IPv4Interface]]:
    """Yield interface and address of all IPv4 addresses."""
    import socket  # noqa: PLC0415

    import psutil  # noqa: PLC0415 - formatting only

    for name, found in psutil.net_if_addrs().items():
        for one in found:
            if one.family == socket.AF_INET:
                yield name, IPv4Interface(f"{one.address}/{one.netmask or '32'}")


def held() -> dict[str, str]:
    """Return the interface of each address."""
    return {str(one.ip): name for name, one in ipv4()} | {str(one.ip): name for name, one, _, _ in ipv6()}


def gateway(interface: str) -> IPv4Interface:
    """Return the first IPv4 address of an interface. Raises NodeError when it has none."""
    for name, found in ipv4():
        if name == interface:
            return found
    raise NodeError(f"tap_gateway_interface = {interface}: there is no such interface, or it has no IPv4 address")


class Network:
    """Changes the network of this machine; whatever is there already is left alone."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._held = held()

    def add_ipv4(self, address: str, interface: str) -> None:
        """Have an address on an interface. Raises RefusedError when another interface has it."""
        if not self._is_held(address, interface) and not self._system.run(
            "ip", "addr", "add", f"{address}/32", "dev", interface, tolerant=True
        ):
            raise RefusedError(address)

    def add_ipv6(self, address: str, length: int, interface: str) -> None:
        """Have an address on an interface, in use and by nobody else on its link. Raises RefusedError."""
        if self._is_held(address, interface):
            return
        words = ("ip", "addr", "add", f"{address}/{length}", "dev", interface)
        if not self._system.run(*words, tolerant=True):
            raise RefusedError(address)
        if not self._system.dry and not _settled(address, interface):
            _log.warning("%s is used by another machine on the link of %s, or %s is down", *(address, *[interface] * 2))
            self._system.run("ip", "addr", "del", f"{address}/{length}", "dev", interface, tolerant=True)
            raise RefusedError(address)

    def _is_held(self, address: str, interface: str) -> bool:
        holder = self._held.get(address)
        if holder not in {None, interface}:
            _log.warning("%s is on %s already, not on %s", address, holder, interface)
            raise RefusedError(address)
        return holder is not None

    def add_range(self, network: str) -> None:
        """Make all addresses of a range the machine's own. Raises NodeError."""
        if not self._shows("lo", "-6", "route", "show", "table", "local", network):
            self._system.run("ip", "-6", "route", "add", "local", network, "dev", "lo")

    def add_tap(self, tap: Device, user: str) -> None:
        """Make a tap for an account, with its routes. Raises NodeError."""
        self._add_device(tap.name, "tap", user)
        if tap.ipv4_addr:
            self._route(tap.name, "-4", tap.ipv4_addr, "dev", tap.name)
        if tap.ipv6_addr:
            length = tap.ipv6_network.rpartition("/")[2]
            self._add(tap.name, f"{tap.ipv6_addr}/{length}", "noprefixroute")
            self._route(tap.name, "-6", tap.ipv6_gateway, "dev", tap.name)
            self._route(tap.name, "-6", tap.ipv6_network, "dev", tap.name, "via", tap.ipv6_gateway)

    def add_tun(self, tun: Device, user: str) -> None:
        """Make a tun for an account, with its addresses. Raises NodeError."""
        self._add_device(tun.name, "tun", user)
        for address, mask in ((tun.ipv4_addr, tun.ipv4_netmask), (tun.ipv6_addr, tun.ipv6_network)):
            if address:
                self._add(tun.name, f"{address}/{mask.rpartition('/')[2]}")

    def _add(self, interface: str, address: str, *more: str) -> None:
        """Add an address of a device; that it cannot be had is only said."""
        if self._held.get(address.partition("/")[0]) != interface:
            self._system.run("ip", "addr", "add", address, "dev", interface, *more, tolerant=True)

    def _add_device(self, name: str, mode: str, user: str) -> None:
        known = None if self._system.dry else _device(name)
        if known is None:
            self._system.run("ip", "tuntap", "add", "dev", name, "mode", mode, "user", user)
        else:
            kind = known.get("linkinfo", {}).get("info_data", {})
            if kind.get("type") != mode:
                raise NodeError(f"There is an interface {name}, which is no {mode}; rename it, or choose other names")
            if kind.get("user") != user:
                _log.warning("%s belongs to %s, not to %s; it is left as it is", name, kind.get("user"), user)
        if known is None or "UP" not in known.get("flags", ()):
            self._system.run("ip", "link", "set", name, "up")

    def _route(self, device: str, family: str, target: str, *rest: str) -> None:
        if not self._shows(device, family, "route", "show", target):
            self._system.run("ip", family, "route", "add", target, *rest)

    def _shows(self, device: str, *words: str) -> bool:
        if self._system.dry:
            return False
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        return f"dev {device} " in f"{done.stdout.replace(chr(10), ' ')} "


def _device(name: str) -> dict[str, Any] | None:
    """Return what is known of an interface, None when there is none."""
    done = subprocess.run(["ip", "-details", "-json", "link", "show", "dev", name], capture_output=True, check=False)
    found = json.loads(done.stdout) if not done.returncode and done.stdout.strip() else []
    return found[0] if found else None


def _settled(address: str, interface: str) -> bool:
    """Wait until the link has no other machine with the address; False when it has."""
    wanted, until = IPv6Address(address), time.monotonic() + _SETTLE
    while True:
        flags = next((flags for name, one, _, flags in ipv6() if (name, one.ip) == (interface, wanted)), None)
        if flags is not None and not flags & (_TENTATIVE | _FAILED):
            return True
        if time.monotonic() > until or (flags or 0) & _FAILED:
            return False
        time.sleep(0.05)

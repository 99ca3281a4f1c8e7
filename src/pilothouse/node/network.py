"""Addresses, taps, tuns and routes of this machine, by iproute2 (node spec, sections 6.7 and 6.8)."""

import logging
import time
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Interface
from pathlib import Path
from typing import Final

from pilothouse.node.computer import Device
from pilothouse.node.system import System

_log = logging.getLogger("slapos")
_TENTATIVE: Final = 0x40
_FAILED: Final = 0x08
_SETTLE: Final = 2.0


def ipv6(text: str | None = None) -> Iterator[tuple[str, IPv6Interface, int, int]]:
    """Yield interface, address, scope (0 is global) and flags of all IPv6 addresses."""
    path = Path("/proc/net/if_inet6")
    lines = text if text is not None else path.read_text("ascii") if path.exists() else ""
    for line in lines.splitlines():
        address, _, length, scope, flags, name = line.split()
        yield name, IPv6Interface((int(address, 16), int(length, 16))), int(scope, 16), int(flags, 16)


def ipv4() -> dict[str, str]:
    """Return the interface of each IPv4 address."""
    import socket  # noqa: PLC0415

    import psutil  # noqa: PLC0415 - formatting only

    return {
        one.address: name
        for name, found in psutil.net_if_addrs().items()
        for one in found
        if one.family == socket.AF_INET
    }


def devices() -> set[str]:
    """Return the names of all interfaces."""
    lines = Path("/proc/net/dev").read_text("ascii").splitlines()
    return {line.partition(":")[0].strip() for line in lines if ":" in line}


class Network:
    """Changes the network of this machine."""

    def __init__(self, system: System) -> None:
        self._system = system

    def add_ipv4(self, address: str, interface: str) -> bool:
        """Have an address on an interface; False when another interface has it, or it cannot be added."""
        holder = ipv4().get(address)
        if holder and holder != interface:
            _log.warning("%s is on %s already, not on %s", address, holder, interface)
            return False
        return bool(holder) or self._system.run("ip", "addr", "add", f"{address}/32", "dev", interface, tolerant=True)

    def add_ipv6(self, address: str, length: int, interface: str) -> bool:
        """Have an address on an interface, in use and by nobody else on its link."""
        wanted = IPv6Address(address)
        for name, found, _, _ in ipv6():
            if found.ip == wanted:
                if name != interface:
                    _log.warning("%s is on %s already, not on %s", address, name, interface)
                return name == interface
        if not self._system.run("ip", "addr", "add", f"{address}/{length}", "dev", interface, tolerant=True):
            return False
        return self._system.dry or self._settled(wanted, length, interface)

    def _settled(self, address: IPv6Address, length: int, interface: str) -> bool:
        until = time.monotonic() + _SETTLE
        while True:
            flags = next((flags for name, one, _, flags in ipv6() if (name, one.ip) == (interface, address)), None)
            if flags is not None and not flags & (_TENTATIVE | _FAILED):
                return True
            if time.monotonic() > until or (flags or 0) & _FAILED:
                self._system.run("ip", "addr", "del", f"{address}/{length}", "dev", interface, tolerant=True)
                return False
            time.sleep(0.05)

    def add_range(self, network: str) -> None:
        """Make all addresses of a range the machine's own."""
        if not self._shows("-6", "route", "show", "table", "local", network):
            self._system.run("ip", "-6", "route", "add", "local", network, "dev", "lo")

    def add_device(self, device: Device, mode: str, user: str) -> None:
        """Make a tap or tun for an account, with its routes."""
        if device.name not in devices():
            self._system.run("ip", "tuntap", "add", "dev", device.name, "mode", mode, "user", user)
            self._system.run("ip", "link", "set", device.name, "up")
        if mode == "tun":
            for address, mask in ((device.ipv4_addr, device.ipv4_network), (device.ipv6_addr, device.ipv6_network)):
                if address:
                    length = mask.rpartition("/")[2]
                    self._system.run("ip", "addr", "add", f"{address}/{length}", "dev", device.name, tolerant=True)
            return
        if device.ipv4_addr:
            self._route("-4", device.ipv4_addr, "dev", device.name)
        if device.ipv6_addr:
            length = device.ipv6_network.rpartition("/")[2]
            self._system.run(
                *("ip", "addr", "add", f"{device.ipv6_addr}/{length}", "dev", device.name, "noprefixroute"),
                tolerant=True,
            )
            self._route("-6", device.ipv6_gateway, "dev", device.name)
            self._route("-6", device.ipv6_network, "dev", device.name, "via", device.ipv6_gateway)

    def _route(self, family: str, target: str, *rest: str) -> None:
        if not self._shows(family, "route", "show", target):
            self._system.run("ip", family, "route", "add", target, *rest)

    def _shows(self, *words: str) -> bool:
        import subprocess  # noqa: PLC0415

        if self._system.dry:
            return False
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        return "dev" in done.stdout.split()

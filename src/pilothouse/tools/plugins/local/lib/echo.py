"""Asking whether a machine is there, by ICMP echo: with a socket of our own where the system allows it, else by ping.

Needs nothing but the standard library, and no recent one.
"""  # noqa: INP001 - a folder of programs, not a package

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import time

from probe import Answer

_REQUEST: dict[int, int] = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: dict[int, int] = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL: dict[int, int] = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_HEADER = struct.Struct("!BBHHH")
_SEQUENCE = 1
_CARRY = 16
_WORD = 0xFFFF
_LENGTH_OF_IP = 0x0F


def ping(host: str, timeout: float) -> Answer:
    """Send one echo request; ``timeout`` is in seconds."""
    start = time.monotonic()
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        return Answer(time.monotonic() - start, f"{host} has no address: {error}")
    try:
        opened, raw = _socket(family)
    except PermissionError:
        return _command(host, timeout)
    with opened:
        fault = _exchange(opened, address, family, start + timeout, raw=raw)
    return Answer(time.monotonic() - start, f"{host} does not answer: {fault}" if fault else "")


def _socket(family: int) -> tuple[socket.socket, bool]:
    """Return a socket for echo requests, and whether it is a raw one. Raises PermissionError."""
    try:
        return socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family]), False
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family]), True


def _exchange(opened: socket.socket, address: tuple[object, ...], family: int, end: float, *, raw: bool) -> str:
    mark = os.urandom(16)
    # a raw socket sees the replies to everybody; the mark tells ours
    packet = _HEADER.pack(_REQUEST[family], 0, 0, os.getpid() & _WORD, _SEQUENCE) + mark
    packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
    try:
        opened.sendto(packet, address)
        while (left := end - time.monotonic()) > 0:
            opened.settimeout(left)
            reply = opened.recv(2048)
            if raw and family == socket.AF_INET:
                reply = reply[(reply[0] & _LENGTH_OF_IP) * 4 :]
            if reply[:1] == bytes([_REPLY[family]]) and reply[_HEADER.size :] == mark:
                return ""
    except TimeoutError:
        pass
    except OSError as error:
        return str(error)
    return "no reply in time"


def _checksum(packet: bytes) -> int:
    total = int(sum(struct.unpack(f"!{len(packet) // 2}H", packet)))
    while total > _WORD:
        total = (total >> _CARRY) + (total & _WORD)
    return ~total & _WORD


def _command(host: str, timeout: float) -> Answer:
    program = shutil.which("ping")
    if program is None:
        return Answer(0.0, f"{host} cannot be asked: this user may not send ICMP, and there is no ping")
    start = time.monotonic()
    words = [program, "-c", "1", "-W", str(max(1, round(timeout))), host]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return Answer(time.monotonic() - start, f"{host} does not answer" if done.returncode else "")

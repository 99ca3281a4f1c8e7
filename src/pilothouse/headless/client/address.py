"""Where the server is: names to addresses, and which of them are this computer (spec section 8.1)."""

import socket
from typing import NamedTuple

from pilothouse.headless.client.stop import LostError


class Address(NamedTuple):
    """One place to connect to, as the socket library wants it."""

    family: int
    place: tuple[str, int] | tuple[str, int, int, int]

    @property
    def loopback(self) -> bool:
        """Whether it is this computer, so that nobody else hears what is said."""
        return self.place[0].startswith(("127.", "::ffff:127.")) or self.place[0] == "::1"


def resolve(host: str, port: int, seconds: float) -> tuple[Address, ...]:
    """Return the addresses of ``host``; raises LostError when there are none, or none in time."""
    # given as text, the socket library would load its tables of international names
    name = host.encode("ascii") if host.isascii() else host.encode("idna")
    try:
        addresses = _look_up(name, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        addresses = _ask(name, port, seconds)
    if not addresses:
        raise LostError(f"the name {host} cannot be resolved")
    return addresses


def _look_up(name: bytes, port: int, flags: int = 0) -> tuple[Address, ...]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    return tuple(Address(family, place) for family, _, _, _, place in found)  # type: ignore[arg-type]


def _ask(name: bytes, port: int, seconds: float) -> tuple[Address, ...]:
    import threading  # numbers need none; a name server that is silent must not hold the call up

    found: list[Address] = []

    def ask() -> None:
        try:
            found.extend(_look_up(name, port))
        except OSError:
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return tuple(found)

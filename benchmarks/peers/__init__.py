"""The contenders; a new one is a class with the hooks of ``contract.Peer`` and a line here."""

from pathlib import Path

from benchmarks.peers.ansible import CHEAP, SHIPPED
from benchmarks.peers.contract import Peer
from benchmarks.peers.libraries import ParallelSsh, Paramiko
from benchmarks.peers.loops import Asyncssh, Floor
from benchmarks.peers.ours import Ours
from benchmarks.peers.pyinfra import Pyinfra
from benchmarks.peers.transport import TransportLoop


def registered(program: Path) -> dict[str, Peer]:
    """Return every peer by name; ``program`` is our own command."""
    paths = (TransportLoop("fast"), TransportLoop("general"))
    peers: tuple[Peer, ...] = (
        Floor(),
        Ours(program),
        Ours(program, "general"),
        *paths,
        Asyncssh(),
        ParallelSsh(),
        Paramiko(),
        Pyinfra(),
        CHEAP,
        SHIPPED,
    )
    return {peer.name: peer for peer in peers}

"""Our master with a node and a client of the original: without login, and with certificates on both sides."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.interop.node import releases
from tests.interop.server import desks
from tests.originals import Original
from tests.serverprocess import ServerProcess
from tests.slaposnode import Ran, SlaposNode, run

from pilothouse.slap.client import slap


class Site:
    """A master, one node of two partitions, a client, and two releases that the node can install."""

    def __init__(self, node: SlaposNode, client: Path, root: Path | None = None) -> None:
        self.node = node
        self.client = client
        self.root = root
        self.built = releases.built(node.folder / "built")
        self.quick = releases.quick(node, node.folder / "quick")

    def slapos(self, *words: str, code: int = 0) -> Ran:
        """Run a client command of the original."""
        return run([self.node.original.program("slapos"), *words, "--cfg", self.client], self.node.folder, code)

    @contextlib.contextmanager
    def library(self) -> Iterator[slap]:
        """Give our library with the node's certificate, to see what the node is told."""
        told, made = self.node.values(), slap()
        root = str(self.root) if self.root else None
        made.initializeConnection(told["master_url"], told.get("key_file"), told.get("cert_file"), root)
        try:
            yield made
        finally:
            assert made._connection_helper is not None
            made._connection_helper.close()

    def request(self, title: str, release: str, *words: str) -> Ran:
        """Request a service on the node."""
        return self.slapos("request", title, release, "--node", f"computer_guid={self.node.computer}", *words)


@contextlib.contextmanager
def without_login(original: Original, folder: Path) -> Iterator[Site]:
    """Give a node of `slapos proxy start`."""
    server = desks.proxy(folder / "server").start()
    node = SlaposNode(original, folder / "node", 2).configure(computer_id="COMP-1", master_url=f"{server.url}/")
    client = folder / "slapos-client.cfg"
    client.write_text(f"[slapos]\nmaster_url = {server.url}/\n")
    with _ended(server, node):
        yield Site(node, client)


@contextlib.contextmanager
def with_certificates(original: Original, folder: Path) -> Iterator[Site]:
    """Give a node of `pilothouse up`: the original's own commands fetch both certificates with our tokens."""
    guarded = desks.Guarded(folder / "server")
    node, client = SlaposNode(original, folder / "node", 2), folder / "home" / "slapos-client.cfg"
    with _ended(guarded.server.start(), node):
        node.register("web-1", guarded.token("node", "token"), guarded.url, guarded.server.url)
        node.configure()
        guarded.configure_client(original, client, guarded.client_token())
        yield Site(node, client, guarded.root)


@contextlib.contextmanager
def _ended(server: ServerProcess, node: SlaposNode) -> Iterator[None]:
    try:
        yield
    finally:
        node.stop()
        server.clean()

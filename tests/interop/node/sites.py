"""Our master with a node and a client of the original: without login, and with certificates on both sides."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

from tests.interop.node import releases
from tests.originals import Original
from tests.serverprocess import ServerProcess
from tests.slaposnode import Ran, SlaposNode, run
from tests.sshd import free_port

from pilothouse.cli import main
from pilothouse.slap.client import slap


class Site:
    """A master, one node of two partitions, a client, and two releases that the node can install."""

    def __init__(self, server: ServerProcess, node: SlaposNode, client: Path, root: Path | None = None) -> None:
        self.server = server
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
    """`slapos proxy start`: whoever reaches it may do everything."""
    port = free_port()
    file = folder / "slapos-proxy.cfg"
    file.write_text(
        f"[slapos]\ncomputer_id = COMP-1\n[slapproxy]\nport = {port}\ndatabase_uri = {folder / 'proxy.db'}\n"
    )
    words = ("proxy", "start", "--cfg", str(file))
    server = ServerProcess(folder, *words, module="pilothouse.cli.slapos.main", port=port).start()
    node = SlaposNode(original, folder / "node", 2).configure(computer_id="COMP-1", master_url=f"{server.url}/")
    client = folder / "slapos-client.cfg"
    client.write_text(f"[slapos]\nmaster_url = {server.url}/\n")
    with _ended(server, node):
        yield Site(server, node, client)


@contextlib.contextmanager
def with_certificates(original: Original, folder: Path) -> Iterator[Site]:
    """`pilothouse up` with mutual TLS: the original's own commands fetch both certificates with our tokens."""
    file, tls = folder / "pilothouse.toml", free_port()
    file.write_text('client_certificates = "required"\n')
    plain = free_port()
    words = ("up", "--config", file, "--data", folder, "--listen", f"127.0.0.1:{plain}")
    server = ServerProcess(folder, *map(str, words), "--tls-listen", f"127.0.0.1:{tls}", port=plain).start()
    secure = f"https://127.0.0.1:{tls}"
    node, client = SlaposNode(original, folder / "node", 2), folder / "home" / "slapos-client.cfg"
    with _ended(server, node):
        node.register("web-1", token(folder, "node", "token"), secure, server.url)
        node.configure()
        configure_client(original, client, token(folder, "user", "token", "admin", "--kind", "client"), secure, server)
        yield Site(server, node, client, folder / "ca" / "ca.crt")


def configure_client(
    original: Original, client: Path, given: str, master: str, server: ServerProcess, code: int = 0
) -> Ran:
    """Run the original's `configure client`."""
    words = ("configure", "client", "--cfg", client, "--token", given, "--master-url", master)
    return run([original.program("slapos"), *words, "--master-url-web", server.url], Path(), code)


def token(data: Path, *words: str) -> str:
    """Return the token that a command of ours makes."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert main.main([*words, "--data", str(data)]) == 0
    return shown.getvalue().strip()


@contextlib.contextmanager
def _ended(server: ServerProcess, node: SlaposNode) -> Iterator[None]:
    try:
        yield
    finally:
        node.stop()
        server.clean()

"""Our server in both profiles, as a client meets it: a running process, and a configuration for the commands."""

import contextlib
import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from tests.originals import Original
from tests.serverprocess import ServerProcess
from tests.slapmaster import described, marshalled
from tests.slaposnode import Ran, run
from tests.sshd import free_port

from pilothouse.cli import main
from pilothouse.slap.client import ComputerPartition, slap

SCHEMA = {"type": "object", "properties": {"foo": {"enum": ["bar"]}}}
_numbers = itertools.count(1)


def proxy(folder: Path) -> ServerProcess:
    """Return `slapos proxy start`, not started: whoever reaches it may do everything."""
    port, file = free_port(), folder / "slapos-proxy.cfg"
    folder.mkdir(exist_ok=True)
    database = folder / "proxy.db"
    file.write_text(f"[slapos]\ncomputer_id = COMP-1\n[slapproxy]\nport = {port}\ndatabase_uri = {database}\n")
    words = ("proxy", "start", "--cfg", str(file))
    return ServerProcess(folder, *words, module="pilothouse.cli.slapos.main", port=port)


class Guarded:
    """`pilothouse up` with mutual TLS at ``url``; ``server.url`` gives certificates for tokens, to this machine."""

    def __init__(self, folder: Path) -> None:
        self.data = folder
        self.root = folder / "ca" / "ca.crt"
        file, plain, tls = folder / "pilothouse.toml", free_port(), free_port()
        folder.mkdir(exist_ok=True)
        file.write_text('client_certificates = "required"\n')
        listen = ("--listen", f"127.0.0.1:{plain}", "--tls-listen", f"127.0.0.1:{tls}")
        self.url = f"https://127.0.0.1:{tls}"
        self.server = ServerProcess(folder, "up", "--config", str(file), "--data", str(folder), *listen, port=plain)

    def token(self, *words: str) -> str:
        """Return the token that a command of ours makes."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            assert main.main([*words, "--data", str(self.data)]) == 0
        return shown.getvalue().strip()

    def client_token(self) -> str:
        return self.token("user", "token", "admin", "--kind", "client")

    def configure_client(self, original: Original, cfg: Path, token: str, code: int = 0) -> Ran:
        """Run the original's `configure client`."""
        words = ("configure", "client", "--cfg", cfg, "--token", token, "--master-url", self.url)
        return run([original.program("slapos"), *words, "--master-url-web", self.server.url], self.data, code)


class Desk:
    """What a person has: a configuration, releases on the disk, nodes, and our library for a look behind."""

    def __init__(self, folder: Path, cfg: Path, master: str, root: Path | None = None) -> None:
        self.folder = folder
        self.cfg = cfg
        self.master = master
        self._root = root
        self.plain = self._release("plain.cfg", "xml")
        self.json = self._release("json.cfg", "json-in-xml")

    @contextlib.contextmanager
    def library(self) -> Iterator[slap]:
        """Give our library, connected as the person is."""
        made = slap()
        own = {"key_file": "client.key", "cert_file": "client.crt"} if self._root else {}
        files = {option: str(self.cfg.with_name(name)) for option, name in own.items()}
        made.initializeConnection(
            self.master,
            files.get("key_file"),
            files.get("cert_file"),
            master_ca_file=str(self._root) if self._root else None,
        )
        try:
            yield made
        finally:
            assert made._connection_helper is not None
            made._connection_helper.close()

    def name(self, what: str) -> str:
        """Return a name that nobody had before."""
        return f"{what}{next(_numbers)}"

    def node(self, partitions: int) -> str:
        """Format a node; returns its name."""
        node = self.name("node")
        document = described(node, *(f"{node}part{number}" for number in range(partitions)))
        with self.library() as library:
            library.registerComputer(node).updateConfiguration(marshalled(document))
        return node

    def partition(self, node: str) -> ComputerPartition:
        """Return the first partition of a node as it is now."""
        with self.library() as library:
            found: ComputerPartition = library.registerComputer(node).getComputerPartitionList()[0]
            return found

    def publish(self, node: str, values: dict[str, str]) -> None:
        with self.library() as library:
            library.registerComputerPartition(node, f"{node}part0").setConnectionDict(values)

    def software(self, node: str) -> dict[str, str]:
        with self.library() as library:
            return {each.getURI(): each.getState() for each in library.registerComputer(node).getSoftwareReleaseList()}

    def _release(self, name: str, serialisation: str) -> str:
        description = {"serialisation": serialisation, "software-type": {"default": {"request": "in.json"}}}
        (self.folder / f"{name}.json").write_text(json.dumps(description))
        (self.folder / "in.json").write_text(json.dumps(SCHEMA))
        return str(self.folder / name)


@contextlib.contextmanager
def without_login(original: Original, folder: Path) -> Iterator[Desk]:
    """Give a person at `slapos proxy start`."""
    server, cfg = proxy(folder / "server").start(), folder / "slapos-client.cfg"
    cfg.write_text(f"[slapos]\nmaster_url = {server.url}/\n")
    try:
        yield Desk(folder, cfg, f"{server.url}/")
    finally:
        server.clean()


@contextlib.contextmanager
def with_certificate(original: Original, folder: Path) -> Iterator[Desk]:
    """Give a person whose certificate the original fetched with our token."""
    guarded, cfg = Guarded(folder / "server"), folder / "home" / "slapos-client.cfg"
    guarded.server.start()
    try:
        guarded.configure_client(original, cfg, guarded.client_token())
        # our own client verifies the master's certificate; the original's does not know the option
        cfg.write_text(cfg.read_text().replace("[slapos]", f"[slapos]\nmaster_ca_file = {guarded.root}", 1))
        yield Desk(folder, cfg, guarded.url, guarded.root)
    finally:
        guarded.server.clean()


DESKS = {"without login": without_login, "with certificate": with_certificate}

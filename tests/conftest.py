"""Fixtures that start real servers, and what holds for every test."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from tests.console import Console
from tests.examples import examples
from tests.jobs import Bench
from tests.leftovers import left_folders, sweep
from tests.machine import Machine
from tests.passwordserver import password_port  # noqa: F401  fixture
from tests.sshd import Sshd
from tests.stores import cleared, databases, empty, store, where  # noqa: F401  fixtures
from tests.tagentd import Tagentd

from pilothouse.jobs.nodes import Node
from pilothouse.transports import operation
from pilothouse.transports.contract import Transport
from pilothouse.transports.local import LocalTransport
from pilothouse.transports.ssh import SshTransport
from pilothouse.transports.tagent import TagentTransport

# A test run started in the background ignores interrupts, and everything it starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# One under nohup ignores hangups. It goes on doing so by a handler, which what it starts does not inherit.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)
# Many tests start the product in a process of its own, which would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
hypothesis.settings.register_profile("tests", examples(100))
hypothesis.settings.load_profile("tests")

MakeSshd = Callable[..., Sshd]


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Jobs leave nothing on their targets, unless a test kills their engines; then the test cleans up."""
    home: Path | None = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if home is None:
        return
    left = left_folders(home)
    sweep(home)
    assert request.node.get_closest_marker("kills_engines") or not left


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server shared by all tests that do not disturb it."""
    server = Sshd(tmp_path_factory.mktemp("sshd")).start()
    yield server
    server.stop()


@pytest.fixture
def make_sshd(tmp_path: Path) -> Iterator[MakeSshd]:
    """Start servers of a test's own; keyword arguments are lines of its configuration."""
    servers: list[Sshd] = []

    def make(**options: str) -> Sshd:
        server = Sshd(tmp_path / f"sshd-{len(servers)}", **options)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(params=["general", "fast"])
def ssh_path(request: pytest.FixtureRequest) -> str:
    """Each way of speaking SSH, and no other in its place."""
    return str(request.param)


@pytest.fixture(scope="session")
def tagentd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tagentd]:
    """A Tagent daemon shared by all tests that do not disturb it."""
    server = Tagentd(tmp_path_factory.mktemp("tagentd")).start()
    yield server
    server.stop()


MakeTagentd = Callable[..., Tagentd]


@pytest.fixture
def make_tagentd(tmp_path: Path) -> Iterator[MakeTagentd]:
    """Start Tagent daemons of a test's own."""
    servers: list[Tagentd] = []

    def make(**options: bool) -> Tagentd:
        servers.append(Tagentd(tmp_path / f"tagentd-{len(servers)}", **options))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()


def _reached(kind: str, path: str, sshd: Sshd, tagentd: Tagentd) -> tuple[Transport, Node]:
    if kind == "tagent":
        return TagentTransport(tagentd.settings()), tagentd.node()
    return (LocalTransport() if kind == "local" else SshTransport(sshd.settings(ssh_path=path))), sshd.node()


@pytest.fixture
def patient_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aborts give up late: what a machine with much else to do makes of the usual limit is no matter of a test."""
    monkeypatch.setattr(operation, "_ABORT_SECONDS", 60.0)


@pytest.fixture(params=["local", "ssh-general", "ssh-fast", "tagent"])
async def machine(
    request: pytest.FixtureRequest, sshd: Sshd, tagentd: Tagentd, tmp_path: Path, patient_aborts: None
) -> AsyncIterator[Machine]:
    """A machine reached in each way, for what every transport promises."""
    kind, _, path = request.param.partition("-")
    transport, node = _reached(kind, path, sshd, tagentd)
    yield Machine(transport, node, tmp_path, path or kind)
    await transport.close()


@pytest.fixture
def bench(sshd: Sshd, tmp_path: Path) -> Bench:
    """Where a test runs its jobs; the shared server's nodes can be reached."""
    return Bench(sshd.settings(data=tmp_path / "data"))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def console() -> Iterator[Console]:
    """A control server of the test's own; every request that it got was signed rightly."""
    server = Console().start()
    yield server
    server.stop()
    assert server.problems == []

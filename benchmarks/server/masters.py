"""The masters that are measured: the original ``slapos proxy``, and ours in four ways."""

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from tests.databases import PASSWORD, Postgresql
from tests.originals import slapos
from tests.sshd import free_port

from benchmarks.server import calls, load
from benchmarks.server.load import Order, Outcome, Target
from benchmarks.server.processes import Process, ServerError, children, cpu, memory_mib

ORIGINAL: Final = "original"
_CLIENTS: Final = 16
_SETUP: Final = 900.0


class Master(Protocol):
    """One master with its database; ``headers`` are those that every request of a client has."""

    target: Target
    headers: tuple[str, ...]

    def fill(self, before: int, count: int) -> None:
        """Give it instances ``t<before>`` to ``t<count - 1>``; it has the earlier ones."""
        ...

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds of the server, and of its database server where there is one."""
        ...

    def memory_mib(self) -> float:
        """Return the server's memory in MiB."""
        ...

    def stop(self) -> None:
        """End everything that belongs to it."""
        ...


class _Served:
    headers: tuple[str, ...] = ()

    def __init__(self, argv: Sequence[str | Path], folder: Path, target: Target) -> None:
        self.target = target
        self._process = Process(argv, folder, target.port)
        try:
            self._process.wait_until_it_listens()
        except BaseException:
            self._process.stop()
            raise

    def fill(self, before: int, count: int) -> None:
        requests = [calls.request(f"t{number}", self.headers) for number in range(before, count)]
        demanded(send(self.target, requests, _CLIENTS, kept=True))

    def cpu(self) -> tuple[float, float]:
        return cpu([self._process.pid]), 0.0

    def memory_mib(self) -> float:
        return memory_mib(self._process.pid)

    def stop(self) -> None:
        self._process.stop()


class Original(_Served):
    """The original, installed from its package and run as it is; it closes every connection."""

    def __init__(self, folder: Path) -> None:
        target = Target("127.0.0.1", free_port())
        self._database = folder / "proxy.db"
        config = _config(folder, target.port, self._database)
        super().__init__([slapos().program("slapos"), "proxy", "start", "--cfg", config], folder, target)

    def fill(self, before: int, count: int) -> None:
        """Copy one instance, since requesting thousands would take it an hour."""
        first = 0 if before else 1
        demanded(send(self.target, [calls.request("t0")] * first, 1, kept=False))
        with closing(sqlite3.connect(self._database, timeout=60)) as connection, connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            table = next(name for name in names if re.fullmatch(r"partition\d+", name))
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            kept = [name for name in columns if name not in {"reference", "computer_reference", "partition_reference"}]
            source = connection.execute(
                f"SELECT {', '.join(kept)} FROM {table} WHERE partition_reference = 't0'"
            ).fetchone()
            connection.executemany(
                f"UPDATE {table} SET partition_reference = ?, {', '.join(f'{name} = ?' for name in kept)} "
                "WHERE reference = ?",
                [(f"t{number}", *source, f"slappart{number}") for number in range(max(1, before), count)],
            )


class Proxy(_Served):
    """``slapos proxy start`` of ours: no login, SQLite."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        target = Target("127.0.0.1", free_port())
        config = _config(folder, target.port, folder / "proxy.db")
        super().__init__([bin_folder / "slapos", "proxy", "start", "--cfg", config], folder, target)


class Up(_Served):
    """``pilothouse up``: every request logs in with a token; over TLS, or plain."""

    def __init__(self, folder: Path, bin_folder: Path, *words: str, tls: bool) -> None:
        data = folder / "data"
        port = free_port()
        address = f"127.0.0.1:{port}"
        listen = ("--listen", "", "--tls-listen", address) if tls else ("--listen", address)
        target = Target("127.0.0.1", port, str(data / "ca" / "ca.crt") if tls else "")
        super().__init__([bin_folder / "pilothouse", "up", "--data", data, *listen, *words], folder, target)
        self.headers = (f"Authorization: Bearer {_token(self._process.log)}",)


class UpOnPostgresql(Up):
    """The same on a PostgreSQL server of its own that writes durably."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self._server = Postgresql(durable=True).start()
        try:
            user, port = self._server.user, self._server.port
            secret = PASSWORD.replace("'", "%27").replace(" ", "%20").replace("$", "%24")
            super().__init__(
                folder, bin_folder, "--database", f"postgresql://{user}:{secret}@127.0.0.1:{port}/postgres", tls=False
            )
        except BaseException:
            self._server.stop()
            raise

    def cpu(self) -> tuple[float, float]:
        return super().cpu()[0], cpu([self._server.pid, *children(self._server.pid)])

    def stop(self) -> None:
        super().stop()
        self._server.stop()


def masters(bin_folder: Path) -> dict[str, Callable[[Path], Master]]:
    """Return how each is started in a folder of its own, by name."""
    return {
        ORIGINAL: Original,
        "proxy": lambda folder: Proxy(folder, bin_folder),
        "up": lambda folder: Up(folder, bin_folder, tls=False),
        "up-tls": lambda folder: Up(folder, bin_folder, tls=True),
        "up-postgresql": lambda folder: UpOnPostgresql(folder, bin_folder),
    }


def prepare(master: Master, partitions: int) -> None:
    """Give the computer so many partitions, and the release."""
    asked = [calls.format_computer(partitions, master.headers), calls.supply(master.headers)]
    demanded(send(master.target, asked, 1, kept=False))


def send(target: Target, requests: list[bytes], clients: int, *, kept: bool) -> Outcome:
    """Send every request once."""
    return load.run(Order(target=target, requests=requests, clients=clients, seconds=_SETUP, circle=False, kept=kept))


def demanded(outcome: Outcome) -> Outcome:
    """Return the outcome. Raises ServerError when a request failed."""
    if outcome.failed:
        raise ServerError(f"{outcome.failed} requests failed; the first: {outcome.reason}")
    return outcome


def _config(folder: Path, port: int, database: Path) -> Path:
    lines = ["[slapos]", f"computer_id = {calls.COMPUTER}", "[slapproxy]", "host = 127.0.0.1"]
    path = folder / "slapos.cfg"
    path.write_text("\n".join([*lines, f"port = {port}", f"database_uri = {database}", ""]))
    return path


def _token(log: Path) -> str:
    deadline = time.monotonic() + 10
    while not (found := re.search(r"^ +(pha_\S+)$", log.read_text(), re.MULTILINE)):
        if time.monotonic() > deadline:
            raise ServerError(f"there is no token in what it printed:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)
    return found[1]

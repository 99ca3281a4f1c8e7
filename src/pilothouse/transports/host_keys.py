"""Who a machine proves to be: known_hosts files, and what to do with a key they do not hold.

This module imports asyncssh; import it only when a connection is made.
"""

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncssh
import msgspec
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from pilothouse.errors import HostKeyError
from pilothouse.settings import HostKeyPolicy

DEFAULT_FILES: Final = (Path("~/.ssh/known_hosts"), Path("/etc/ssh/ssh_known_hosts"))
_SSH_PORT: Final = 22


class Target(msgspec.Struct, frozen=True):
    """The machine as the files name it."""

    host: str
    address: str
    port: int

    @property
    def entry(self) -> str:
        """The name in a known_hosts line: the bare host, or ``[host]:port``."""
        return self.host if self.port == _SSH_PORT else f"[{self.host}]:{self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which the files may hold the machine."""
        other = self.address if self.port == _SSH_PORT else f"[{self.address}]:{self.port}"
        return (self.entry, other) if self.address else (self.entry,)


class Known(msgspec.Struct, frozen=True):
    """What the files hold of one machine. ``lent`` are keys of the same host at its ordinary port."""

    own: tuple[asyncssh.SSHKey, ...]
    lent: tuple[asyncssh.SSHKey, ...]
    authorities: tuple[asyncssh.SSHKey, ...]
    revoked: tuple[asyncssh.SSHKey, ...]

    def algorithms(self) -> list[bytes]:
        """Return the key algorithms to ask for, those of known keys first so that a known key is shown."""
        wanted = [name for key in (*self.own, *self.lent) for name in key.sig_algorithms]
        certificates = get_default_certificate_algs() if self.authorities else []
        return list(dict.fromkeys((*certificates, *wanted, *get_default_public_key_algs())))


class HostKeys:
    """The known_hosts files of a transport, read again when they change."""

    def __init__(self, files: Sequence[Path], policy: HostKeyPolicy) -> None:
        self.policy = policy
        self._files = tuple(path.expanduser() for path in (files or DEFAULT_FILES))
        self._cache: dict[Path, tuple[tuple[int, int, int], asyncssh.SSHKnownHosts]] = {}

    async def known(self, target: Target) -> Known:
        """Return what the files hold of ``target``. Raises HostKeyError when a file cannot be read."""
        tables = [table for path in self._files if (table := await self._table(path))]
        found = [table.match(name, "", None) for table in tables for name in target.names]
        lent = []
        if target.port != _SSH_PORT:
            lent = [table.match(name, "", None) for table in tables for name in (target.host, target.address) if name]
        return Known(
            own=tuple(key for match in found for key in match[0]),
            lent=tuple(key for match in lent for key in match[0]),
            authorities=tuple(key for match in (*found, *lent) for key in match[1]),
            revoked=tuple(key for match in (*found, *lent) for key in match[2]),
        )

    def accepts(self, key: asyncssh.SSHKey, known: Known) -> bool:
        """Say whether the handshake may go on with a key."""
        if self.policy == "accept-any":
            return True
        if key in known.revoked:
            return False
        return key in known.own or key in known.lent or (self.policy == "accept-new" and not known.own)

    async def remember(self, target: Target, key: asyncssh.SSHKey) -> None:
        """Append a key seen for the first time to the first file."""
        await asyncio.to_thread(self._append, target, key)

    async def refusal(self, target: Target, key: asyncssh.SSHKey | None, known: Known) -> HostKeyError:
        """Return the error for a key that was not accepted."""
        if key is None:
            return HostKeyError(f"{target.entry}: its host key could not be verified; see the files {self._named()}")
        shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        if key in known.revoked:
            return HostKeyError(f"{target.entry}: its host key {shown} is marked as revoked; do not connect")
        if not known.own:
            return HostKeyError(_unknown(target, shown, self._files[0]))
        path, number, line_key = await asyncio.to_thread(self._place, target)
        return HostKeyError(
            f"{target.entry}: the host key HAS CHANGED: it shows {shown}, but {path} line {number} holds "
            f"{line_key.get_algorithm()} {line_key.get_fingerprint()}. Somebody may be listening in. If the machine "
            f"was set up anew, remove the old key with: ssh-keygen -R '{target.entry}' -f '{path}'"
        )

    def _named(self) -> str:
        return ", ".join(str(path) for path in self._files)

    async def _table(self, path: Path) -> asyncssh.SSHKnownHosts | None:
        try:
            status = path.stat()  # noqa: ASYNC240 - one system call is cheaper than a thread
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        held = self._cache.get(path)
        if held is None or held[0] != stamp:
            held = (stamp, await asyncio.to_thread(_read, path))
            self._cache[path] = held
        return held[1]

    def _append(self, target: Target, key: asyncssh.SSHKey) -> None:
        path = self._files[0]
        line = f"{target.entry} ".encode() + key.export_public_key().split(b"\n")[0].rstrip() + b"\n"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            held = stream.read()
            if line in held:
                return
            # one write: a reader sees the whole line or nothing
            stream.write((b"\n" if held and not held.endswith(b"\n") else b"") + line)

    def _place(self, target: Target) -> tuple[Path, int, asyncssh.SSHKey]:
        for path in self._files:
            for number, line in enumerate(_lines(path), 1):
                table = _parse(line)
                for name in target.names if table else ():
                    keys = table.match(name, "", None)[0] if table else ()
                    if keys:
                        return path, number, keys[0]
        raise HostKeyError(f"{target.entry}: the known_hosts files changed while they were read; try again")


def _unknown(target: Target, shown: str, path: Path) -> str:
    scan = f"ssh-keyscan -p {target.port} {target.host} >> '{path}'"
    return (
        f"{target.entry}: the host key is unknown: {shown}. Compare it with the machine's own, then accept it with "
        f"the option --host-keys accept-new (setting host_keys), or with: {scan}"
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostKeyError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(text: str) -> asyncssh.SSHKnownHosts | None:
    try:
        return asyncssh.import_known_hosts(text)
    except (ValueError, asyncssh.Error):
        return None


def _read(path: Path) -> asyncssh.SSHKnownHosts:
    lines = _lines(path)
    table = _parse("\n".join(lines))
    if table is None:
        # as ssh does: a line that cannot be read is passed over, the others count
        table = asyncssh.import_known_hosts("\n".join(line for line in lines if _parse(line)))
    return table

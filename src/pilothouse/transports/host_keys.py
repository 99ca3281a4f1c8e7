"""Who a machine proves to be: known_hosts files, and what to do with a key they do not hold."""

import asyncio
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.errors import HostKeyError
from pilothouse.settings import HostKeyPolicy
from pilothouse.transports.known_hosts import Entry, HostKey, KnownHosts

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
        return tuple(dict.fromkeys((self.entry, other) if self.address else (self.entry,)))

    @property
    def bare(self) -> tuple[str, ...]:
        """The names of the same host at the ordinary port; none when it is reached there."""
        names = () if self.port == _SSH_PORT else (self.host, self.address)
        return tuple(dict.fromkeys(name for name in names if name))


class Known(msgspec.Struct, frozen=True):
    """What the files hold of one machine. ``lent`` are keys of the same host at its ordinary port."""

    own: tuple[HostKey, ...]
    lent: tuple[HostKey, ...]
    authorities: tuple[HostKey, ...]
    revoked: tuple[HostKey, ...]


class HostKeys:
    """The known_hosts files of a transport, read again when they change."""

    def __init__(self, files: Sequence[Path], policy: HostKeyPolicy) -> None:
        self.policy = policy
        self._files = tuple(path.expanduser() for path in (files or DEFAULT_FILES))
        self._cache: dict[Path, tuple[tuple[int, int, int], KnownHosts]] = {}

    async def known(self, target: Target) -> Known:
        """Return what the files hold of ``target``. Raises HostKeyError when a file cannot be read."""
        tables = [table for path in self._files if (table := await self._table(path))]
        found = [entry for table in tables for name in target.names for entry in table.of(name)]
        lent = [entry for table in tables for name in target.bare for entry in table.of(name)]
        return Known(
            own=_keys(found, ""),
            lent=_keys(lent, ""),
            authorities=_keys([*found, *lent], "authority"),
            revoked=_keys([*found, *lent], "revoked"),
        )

    def accepts(self, key: HostKey, known: Known) -> bool:
        """Say whether the handshake may go on with a key."""
        if self.policy == "accept-any":
            return True
        if key in known.revoked:
            return False
        return key in known.own or key in known.lent or (self.policy == "accept-new" and not known.own)

    async def remember(self, target: Target, key: HostKey, known: Known) -> None:
        """Append a key seen for the first time to the first file, when the policy says so."""
        if self.policy == "accept-new" and key not in (*known.own, *known.lent):
            await asyncio.to_thread(self._append, target, key)

    async def refusal(self, target: Target, key: HostKey | None, known: Known) -> HostKeyError:
        """Return the error for a key that was not accepted."""
        if key is None:
            return HostKeyError(f"{target.entry}: its host key could not be verified; see the files {self._named()}")
        if key in known.revoked:
            return HostKeyError(f"{target.entry}: its host key {key} is marked as revoked; do not connect")
        if not known.own:
            return HostKeyError(_unknown(target, key, self._files[0]))
        path, entry = await asyncio.to_thread(self._place, target)
        return HostKeyError(
            f"{target.entry}: the host key HAS CHANGED: it shows {key}, but {path} line {entry.number} holds "
            f"{entry.key}. Somebody may be listening in. If the machine "
            f"was set up anew, remove the old key with: ssh-keygen -R '{target.entry}' -f '{path}'"
        )

    def _named(self) -> str:
        return ", ".join(str(path) for path in self._files)

    async def _table(self, path: Path) -> KnownHosts | None:
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

    def _append(self, target: Target, key: HostKey) -> None:
        path = self._files[0]
        line = f"{target.entry} {key.line}\n".encode()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            held = stream.read()
            if line in held:
                return
            # one write: a reader sees the whole line or nothing
            stream.write((b"\n" if held and not held.endswith(b"\n") else b"") + line)

    def _place(self, target: Target) -> tuple[Path, Entry]:
        for path in self._files:
            table = _read(path)
            found = [entry for name in target.names for entry in table.of(name) if not entry.role]
            if found:
                return path, min(found, key=lambda entry: entry.number)
        raise HostKeyError(f"{target.entry}: the known_hosts files changed while they were read; try again")


def _keys(entries: Sequence[Entry], role: str) -> tuple[HostKey, ...]:
    return tuple(dict.fromkeys(entry.key for entry in entries if entry.role == role))


def _unknown(target: Target, shown: HostKey, path: Path) -> str:
    scan = f"ssh-keyscan -p {target.port} {target.host} >> '{path}'"
    return (
        f"{target.entry}: the host key is unknown: {shown}. Compare it with the machine's own, then accept it with "
        f"the option --host-keys accept-new (setting host_keys), or with: {scan}"
    )


def _read(path: Path) -> KnownHosts:
    try:
        return KnownHosts(path.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return KnownHosts("")
    except OSError as error:
        raise HostKeyError(f"{path}: cannot be read: {error.strerror}") from None

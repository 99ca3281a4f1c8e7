"""Where things lie on the disk of a node (node spec, section 5). Pure."""

from pathlib import Path
from typing import Final, NamedTuple

try:  # the library also loads what computes other hashes, for longer than a pass looks at a hundred partitions
    from _md5 import md5  # type: ignore[import-not-found]
except ImportError:
    from hashlib import md5

NEWER_SOCKET: Final = "sv.sock"


def md5_of(url: str) -> str:
    """Return the name of a release's directory: the MD5 of its URL as the master sent it."""
    return str(md5(url.encode(), usedforsecurity=False).hexdigest())


class SoftwarePlace(NamedTuple):
    """One software release on the disk."""

    root: Path
    url: str

    @property
    def md5(self) -> str:
        """Its name."""
        return md5_of(self.url)

    @property
    def folder(self) -> Path:
        """Its directory."""
        return self.root / self.md5

    @property
    def completed(self) -> Path:
        """Says that it was installed and reported."""
        return self.folder / ".completed"

    @property
    def unfinished(self) -> Path:
        """Says that a build has begun and not ended well: no instance may use it."""
        return self.folder / ".unfinished"

    @property
    def origin(self) -> Path:
        """Says which binary of the network cache this is, as long as nothing was built on it."""
        return self.folder / ".from-cache"


class InstancePlace(NamedTuple):
    """One partition on the disk."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Its directory."""
        return self.root / self.name

    @property
    def timestamp(self) -> Path:
        """The timestamp of the last processing that went well."""
        return self.folder / ".timestamp"

    @property
    def error_log(self) -> Path:
        """The text of the last failure."""
        return self.folder / f".slapgrid-{self.name}-error.log"

    @property
    def transaction(self) -> Path:
        """What the instance requested during its last processing."""
        return self.folder / f".slapos-request-transaction-{self.name}"

    @property
    def private(self) -> Path:
        """Logs and results of promises."""
        return self.folder / ".slapgrid"

    @property
    def log(self) -> Path:
        """The log of its processing."""
        return self.private / "log" / "instance.log"


class NodePlace(NamedTuple):
    """What belongs to the node itself, below its instance root."""

    root: Path

    @property
    def supervisor_file(self) -> Path:
        """The configuration of supervisord."""
        return self.root / "etc" / "supervisord.conf"

    @property
    def groups(self) -> Path:
        """One file for each group of programs."""
        return self.root / "etc" / "supervisord.conf.d"

    @property
    def log(self) -> Path:
        """Logs of the node."""
        return self.root / "var" / "log"

    @property
    def run(self) -> Path:
        """Pids and locks of the node; nobody else may write there."""
        return self.root / "var" / "run"

    @property
    def socket(self) -> Path:
        """Where supervisord listens; the older name wins when it is there."""
        old = self.root / "supervisord.socket"
        return old if old.exists() else self.root / NEWER_SOCKET

    def group_file(self, group: str) -> Path:
        """Return the file of a group."""
        return self.groups / f"{group}.conf"

"""What an archive of a release may hold, decided for each member before anything is written. Pure.

Both who packs and who unpacks ask here, so that nothing is uploaded that no node takes.
"""

import os.path
import tarfile
from itertools import dropwhile
from pathlib import PurePosixPath
from typing import Final

from pilothouse.node.errors import NodeError

SYSTEM: Final = tuple(
    map(PurePosixPath, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ssl", "/etc/alternatives"))
)
"""Where links may lead besides the release itself: what the system gives to everybody."""
_PRIVATE: Final = frozenset(
    map(PurePosixPath, (".completed", ".unfinished", ".from-cache", ".netrc", "bin/buildout-bootstrap-skipped"))
)
_MODE: Final = 0o775  # nothing that gives rights, nothing that anybody may write to


class ArchiveError(NodeError):
    """An archive of a release holds what it must not, or is none."""


class Members:
    """Checks the members of one archive in their order; ``release`` is the directory where they belong."""

    def __init__(self, release: PurePosixPath) -> None:
        self._release = release
        self._kinds: dict[PurePosixPath, str] = {}

    def take(self, member: tarfile.TarInfo) -> PurePosixPath:
        """Return the path of a member below the release's directory. Raises ArchiveError for what may not be there."""
        path = self._path(member.name)
        if member.isdir():
            kind = "directory"
        elif member.issym():
            self._check_link(path, member.linkname)
            kind = "link"
        elif member.islnk():
            kind = self._kinds.get(self._path(member.linkname), "")
            if kind not in {"file", "link"}:
                raise ArchiveError(
                    f"{member.name!r} is a further name of {member.linkname!r}, which is no file before it"
                )
        elif member.isreg():
            kind = "file"
        else:
            raise ArchiveError(f"{member.name!r} is a device or a pipe; only files, directories and links may be there")
        self._enter(path, kind)
        return path

    def target(self, member: tarfile.TarInfo) -> PurePosixPath:
        """Return what a further name of a file is another name of."""
        return self._path(member.linkname)

    def _path(self, name: str) -> PurePosixPath:
        """Return a name's path below the release. A name begins with that of the release's directory."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] != (self._release.name,) or "\0" in name:
            raise ArchiveError(f"{name!r} lies outside of {self._release.name}")
        return PurePosixPath(*path.parts[1:])

    def _enter(self, path: PurePosixPath, kind: str) -> None:
        for above in path.parents:
            if self._kinds.setdefault(above, "directory") != "directory":
                raise ArchiveError(f"'{path}' lies below '{above}', which is no directory")
        if (kind != "directory" and path in self._kinds) or self._kinds.setdefault(path, kind) != kind:
            raise ArchiveError(f"'{path}' is there twice")

    def _check_link(self, path: PurePosixPath, target: str) -> None:
        steps = dropwhile(lambda step: step in {"/", ".."}, PurePosixPath(target).parts)
        place = PurePosixPath(os.path.normpath(self._release / path.parent / target))
        # a step back after a name may lead anywhere, for the name may be that of a link
        if ".." in steps or not any(place.is_relative_to(root) for root in (self._release, *SYSTEM)):
            raise ArchiveError(f"the link '{path}' leads to {place}: neither below {self._release} nor into the system")


def is_private(path: PurePosixPath) -> bool:
    """Whether a file of a release is its node's own business: marks, and passwords. It is not packed nor unpacked."""
    return path in _PRIVATE


def mode_of(member: tarfile.TarInfo) -> int:
    """Return the permissions that a member gets."""
    return member.mode & _MODE

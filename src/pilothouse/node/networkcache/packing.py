"""A release packed for other nodes: the same release is the same archive, and no secret is in it.

Directories are walked by what is held open, and no link is followed: what belongs to the release's user may change
while it is read, and must not lead a privileged reader elsewhere.
"""

import grp
import gzip
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from pilothouse.node.identity import Identity
from pilothouse.node.networkcache.members import ArchiveError, Members, is_private, mode_of

_LEVEL: Final = 6


def pack(release: Path, stream: BinaryIO, owner: Identity) -> None:
    """Write a release to a stream. Raises ArchiveError for what may not be in it, OSError."""
    packer = _Packer(release, owner)
    with (
        gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=_LEVEL, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for folder, directories, names, descriptor in os.fwalk(release, onerror=_fail):
            directories.sort()
            packer.take(archive, folder, descriptor, "")
            links = [name for name in directories if _is_link(name, descriptor)]
            for name in sorted([*names, *links]):
                packer.take(archive, folder, descriptor, name)


def _fail(error: OSError) -> None:
    raise error


def _is_link(name: str, descriptor: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)


class _Packer:
    """Adds what lies below one release."""

    def __init__(self, release: Path, owner: Identity) -> None:
        self._release = release
        self._owner = owner
        self._group = _group_name(owner.gid)
        self._members = Members(PurePosixPath(release))
        self._first: dict[tuple[int, int], str] = {}

    def take(self, archive: tarfile.TarFile, folder: str, descriptor: int, name: str) -> None:
        """Add what is called so in a directory, or the directory itself for an empty name."""
        path = Path(folder, name).relative_to(self._release)
        if is_private(PurePosixPath(path)):
            return
        member = tarfile.TarInfo(str(Path(self._release.name, path)))
        if not name:
            self._add(archive, member, os.fstat(descriptor), tarfile.DIRTYPE)
            return
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            member.linkname = os.readlink(name, dir_fd=descriptor)
            self._add(archive, member, status, tarfile.SYMTYPE)
        elif stat.S_ISREG(status.st_mode):
            self._add_file(archive, member, descriptor, name)
        elif not stat.S_ISSOCK(status.st_mode):
            raise ArchiveError(f"{path} is a device or a pipe")

    def _add_file(self, archive: tarfile.TarFile, member: tarfile.TarInfo, folder: int, name: str) -> None:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as content:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ArchiveError(f"{member.name} became something else while it was read")
            first = self._first.setdefault((status.st_dev, status.st_ino), member.name)
            if first != member.name:
                member.linkname = first
                self._add(archive, member, status, tarfile.LNKTYPE)
            else:
                member.size = status.st_size
                self._add(archive, member, status, tarfile.REGTYPE, content)

    def _add(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, status: os.stat_result, kind: bytes,
        content: BinaryIO | None = None,
    ) -> None:  # fmt: skip
        member.type = kind
        member.mode = stat.S_IMODE(status.st_mode)
        member.mode = mode_of(member)
        member.mtime = int(status.st_mtime)
        member.uid, member.gid = self._owner.uid, self._owner.gid
        member.uname, member.gname = self._owner.name, self._group
        self._members.take(member)
        archive.addfile(member, content)
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep every member, and releases have many


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""

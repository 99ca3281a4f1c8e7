"""An archive of a release unpacked where nobody else can reach, and then given to its owner.

Every path is below a directory that is held open and closed to others, so no link can lead a privileged writer out
of it, neither one of the archive nor one that is put there meanwhile.
"""

import gzip
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from pilothouse.node.identity import Identity
from pilothouse.node.networkcache.members import ArchiveError, Members, is_private, mode_of

_CHUNK: Final = 1024 * 1024
_PRIVATE: Final = 0o700


def unpack(stream: BinaryIO, into: Path, release: Path, owner: Identity) -> None:
    """Unpack an archive of ``release`` as the new directory ``into``. Raises ArchiveError, OSError.

    Times and permissions are the archive's, without those that give rights; the owner is the one given.
    """
    members = Members(PurePosixPath(release))
    directories: dict[PurePosixPath, tarfile.TarInfo | None] = {}
    try:
        with gzip.GzipFile(fileobj=stream) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep every member, and releases have many
                path = members.take(member)
                if is_private(path):
                    continue
                _make_directories(into, path if member.isdir() else path.parent, directories)
                if member.isdir():
                    directories[path] = member
                else:
                    _write(archive, members, member, into / path, into)
                    _give(into / path, member, owner)
            while packed.read(_CHUNK):
                pass  # the end has the sum of the whole
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArchiveError(f"the archive cannot be read: {error}") from None
    if not directories:
        raise ArchiveError("the archive is empty")
    for path in sorted(directories, reverse=True):
        _give(into / path, directories[path], owner)


def _make_directories(
    into: Path, path: PurePosixPath, directories: dict[PurePosixPath, tarfile.TarInfo | None]
) -> None:
    for one in (*reversed(path.parents), path):
        if one not in directories:
            (into / one).mkdir(_PRIVATE)
            directories[one] = None


def _write(archive: tarfile.TarFile, members: Members, member: tarfile.TarInfo, path: Path, into: Path) -> None:
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(into / members.target(member), path, follow_symlinks=False)
    else:
        content = archive.extractfile(member)
        assert content is not None  # noqa: S101 - it is a plain file
        with path.open("xb") as file:
            while chunk := content.read(_CHUNK):
                file.write(chunk)


def _give(path: Path, member: tarfile.TarInfo | None, owner: Identity) -> None:
    if owner.drops:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    link = member is not None and (member.issym() or path.is_symlink())
    if not link:
        path.chmod(mode_of(member) if member else 0o755)
    if member:
        os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)

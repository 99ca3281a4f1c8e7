"""Scripts that are archives (interpreter ``package``): their members, and the one that is started (spec 6.5).

The documentation does not say which member that is. Here it is a file at the top of the archive, named like
the operation (the part after the /), with or without ``.sh``, else ``run.sh``.
"""

import hashlib
import io
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pilothouse.errors import UsageError
from pilothouse.files import write_atomic
from pilothouse.jobs.interpreters import script_command
from pilothouse.transports.contract import UploadFile

if TYPE_CHECKING:
    import tarfile

_ENTRY: Final = "run.sh"
_PRIVATE: Final = 0o600
_STARTED: Final = 0o700
_NAMED: Final = 5
_LINKS: Final = 20


def members(content: bytes) -> tuple[UploadFile, ...]:
    """Return the files of a tar archive, plain or compressed; links to files come as copies of these.

    Raises UsageError for what is no such archive, and for members that lead out of it or are no files.
    """
    # costs start-up time, and few scripts are archives
    import lzma  # noqa: PLC0415
    import tarfile  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    found: list[UploadFile] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            # the place only serves to tell what would lie outside of it
            safe = [tarfile.data_filter(member, "/package") for member in archive]
            known = {posixpath.normpath(member.name): member for member in safe}
            for name, member in known.items():
                if not member.isdir():
                    found.append(_file(archive, name, _linked(known, name)))
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise UsageError(f"the archive cannot be unpacked: {error}") from None
    return tuple(found)


def entry_of(files: Sequence[UploadFile], operation: str) -> UploadFile:
    """Return the file that an operation of this name starts. Raises UsageError when it is not there."""
    base = operation.rpartition("/")[2]
    wanted = tuple(dict.fromkeys((base, f"{base}.sh", _ENTRY)))
    by_name = {file.name: file for file in files}
    for name in wanted:
        if name in by_name:
            return by_name[name]
    top = sorted({file.name.partition("/")[0] for file in files})
    more = ", ..." if len(top) > _NAMED else ""
    held = ", ".join(top[:_NAMED]) + more if top else "nothing"
    raise UsageError(f"the archive has no file {' or '.join(wanted)} at its top; it holds {held}")


def laid(files: Sequence[UploadFile], entry: UploadFile) -> tuple[UploadFile, ...]:
    """Return the files as they are laid down; the entry can be started, whatever its mode was."""
    return tuple(UploadFile(file.name, file.content, _STARTED) if file is entry else file for file in files)


def unpacked(content: bytes, files: Sequence[UploadFile], folder: Path) -> Path:
    """Write the files below ``folder``, into a folder of their own for each content of the archive, and return it."""
    root = folder.with_name(f"{folder.name}.{hashlib.sha256(content).hexdigest()[:12]}")
    for file in files:
        write_atomic(root / file.name, file.content, mode=file.mode)
    return root


def entry_command(entry: UploadFile, path: str) -> tuple[str, ...]:
    """Return the words that start the entry at ``path``: a shell where it has no interpreter line of its own."""
    if entry.name.endswith(".sh") and not entry.content.startswith(b"#!"):
        return script_command("sh", path)
    return (path,)


def _linked(known: Mapping[str, "tarfile.TarInfo"], name: str) -> "tarfile.TarInfo":
    """Return the file that a member is, or to which its links lead."""
    place = name
    for _ in range(_LINKS):
        member = known.get(place)
        if member is None or member.isdir():
            break
        if member.isfile():
            return member
        folder = posixpath.dirname(place) if member.issym() else ""
        place = posixpath.normpath(posixpath.join(folder, member.linkname))
    raise UsageError(f"the archive's member {name} leads to no file in it")


def _file(archive: "tarfile.TarFile", name: str, member: "tarfile.TarInfo") -> UploadFile:
    stream = archive.extractfile(member)
    return UploadFile(name, stream.read() if stream else b"", _STARTED if (member.mode or 0) & 0o100 else _PRIVATE)

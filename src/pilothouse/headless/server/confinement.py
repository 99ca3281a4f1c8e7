"""Files below a root, read once: no link, no way out, nobody else's to write (headless 13.4).

The kernel confines the opening (``openat2``); one that has no such call walks component by component.
"""

import ctypes
import errno
import hashlib
import os
import pwd
import stat
from collections.abc import Sequence
from typing import Final

import msgspec

from pilothouse.errors import RefusedError
from pilothouse.store.headless_catalogue import Root

MOST: Final = 1 << 20
_OPENAT2: Final = 437  # the number of the call, the same on every architecture
_NO_SYMLINKS: Final = 0x04
_BENEATH: Final = 0x08
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class FileRejectedError(RefusedError):
    """A file may not be run; one answer for every reason, so that nobody learns what lies where."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason  # for the audit log only
        super().__init__(f"{path!r} cannot be run")


class Script(msgspec.Struct, frozen=True):
    """A file as it was when it was accepted."""

    root: str
    path: str
    content: bytes
    sha256: str
    folder: str


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def locate(roots: Sequence[Root], given: str) -> tuple[Root, str]:
    """Return the root and the path below it that ``[root:]path`` means. Raises FileRejectedError. Touches no file."""
    if "\0" in given or "\\" in given or not given.isprintable():
        raise FileRejectedError(given, "a character that no path here has")
    if given.startswith("/"):
        root, path = _below(roots, given)
    else:
        name, separator, rest = given.partition(":")
        path = rest if separator else given
        wanted = [each for each in roots if (each.name == name if separator else each.is_default)]
        if not wanted:
            raise FileRejectedError(given, f"no root {name!r}" if separator else "no default root")
        root = wanted[0]
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts) or not path.endswith(".py") or ":" in path:
        raise FileRejectedError(given, "not a plain path of a .py file")
    return root, path


def read(root: Root, path: str) -> Script:
    """Return the file's content. Raises FileRejectedError; blocks, so call it in a thread."""
    try:
        base = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise FileRejectedError(path, f"root {root.name}: {error.strerror}") from None
    try:
        allowed = {0, _owner(root)}
        _check_folders(base, path, allowed)
        content = _content(base, path, allowed)
    except OSError as error:
        raise FileRejectedError(path, error.strerror or str(error)) from None
    except ValueError as error:
        raise FileRejectedError(path, str(error)) from None
    finally:
        os.close(base)
    folder = os.path.dirname(f"{root.path}/{path}") if root.importable else ""  # noqa: PTH120
    return Script(root.name, path, content, hashlib.sha256(content).hexdigest(), folder)


def open_beneath(base: int, path: str, flags: int = _FLAGS) -> int:
    """Open a path that stays below a folder and follows no link. Raises OSError."""
    how = _How(flags, 0, _BENEATH | _NO_SYMLINKS)
    found = _LIBC.syscall(_OPENAT2, base, path.encode(), ctypes.byref(how), ctypes.sizeof(how))
    if found >= 0:
        return int(found)
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EPERM}:  # an old kernel, or a filter that does not know the call
        return open_by_steps(base, path, flags)
    raise OSError(number, os.strerror(number))


def open_by_steps(base: int, path: str, flags: int = _FLAGS) -> int:
    """Do the same one component after another, for kernels that cannot."""
    *folders, name = path.split("/")
    current = os.dup(base)
    try:
        for folder in folders:
            if folder == "..":
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = below
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=current)
    finally:
        os.close(current)


_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.argtypes = (
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.POINTER(_How),
    ctypes.c_size_t,
)
_LIBC.syscall.restype = ctypes.c_long


def _below(roots: Sequence[Root], given: str) -> tuple[Root, str]:
    # the innermost root counts where one lies in another
    for root in sorted(roots, key=lambda each: len(each.path), reverse=True):
        base = root.path.rstrip("/") + "/"
        if given.startswith(base):
            return root, given[len(base) :]
    raise FileRejectedError(given, "below no root")


def _owner(root: Root) -> int:
    if not root.owner:
        return os.geteuid()
    try:
        return pwd.getpwnam(root.owner).pw_uid
    except KeyError:
        raise ValueError(f"root {root.name}: there is no account {root.owner}") from None


def _check_folders(base: int, path: str, allowed: set[int]) -> None:
    _check(os.fstat(base), allowed)
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        folder = open_beneath(base, "/".join(parts[:count]), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _check(os.fstat(folder), allowed)
        finally:
            os.close(folder)


def _content(base: int, path: str, allowed: set[int]) -> bytes:
    file = open_beneath(base, path)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a regular file")
        _check(status, allowed)
        content = b""
        while chunk := os.read(file, MOST + 1 - len(content)):
            content += chunk
        if len(content) > MOST:
            raise ValueError(f"more than {MOST} bytes")
        return content
    finally:
        os.close(file)


def _check(status: os.stat_result, allowed: set[int]) -> None:
    if status.st_uid not in allowed:
        raise ValueError("owned by another account than root or the root's owner")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ValueError("others may write it")

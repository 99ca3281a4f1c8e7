"""Quotas of accounts on a file system: what they use, and how much they may (collect 3.6, format).

By the kernel's own call, since no program for it is installed everywhere.
"""

import ctypes
import errno
import os
import struct
from pathlib import Path
from typing import Final

from pilothouse.node.errors import NodeError
from pilothouse.node.system import System

_GET: Final = 0x800007
_SET: Final = 0x800008
_USER: Final = 0
_FORM: Final = "=8QI"  # struct if_dqblk of <linux/quota.h>
_ROOM: Final = 128
_LIMITS_OF_BLOCKS: Final = 1
_BLOCK: Final = 1024
_ADVICE: Final = (
    "switch its quotas on: tune2fs -O quota on the unmounted ext4, or the mount option uquota of XFS; "
    "or remove partition_disk_quota"
)


class NoQuotaError(NodeError):
    """The file system keeps no account of who uses how much."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        super().__init__(f"{folder}: its file system has no quotas ({reason})")


def used(folder: Path, uid: int) -> int:
    """Return the bytes of an account on the file system of a directory. Raises NoQuotaError, OSError."""
    return int(struct.unpack(_FORM, _asked(folder, uid)[: struct.calcsize(_FORM)])[2])


def limit(changes: System, folder: Path, user: str, size: int) -> None:
    """Let an account use so many bytes of the file system of a directory. Raises NodeError."""
    import logging  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    logging.getLogger("slapos").debug("Quota of %s at %s: %d bytes", user, folder, size)
    if changes.dry:
        return
    try:
        _call(_SET, folder, pwd.getpwnam(user).pw_uid, request(size))
    except NoQuotaError as error:
        raise NodeError(f"{error}; {_ADVICE}") from None
    except KeyError:
        raise NodeError(f"There is no account {user!r}, whose use of {folder} could be limited") from None


def request(size: int) -> bytes:
    """Return what the kernel is given to set both limits of space and nothing else. Pure."""
    blocks = -(-size // _BLOCK)
    return struct.pack(_FORM, blocks, blocks, *(0,) * 6, _LIMITS_OF_BLOCKS)


def device_of(number: int, mounts: str) -> str | None:
    """Return the device of a file system by its number, from the text of ``/proc/self/mountinfo``. Pure."""
    wanted = f"{os.major(number)}:{os.minor(number)}"
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        if head.split()[2] == wanted:
            return tail.split()[1].encode().decode("unicode_escape")
    return None


def _asked(folder: Path, uid: int) -> bytes:
    return _call(_GET, folder, uid, b"")


def _call(command: int, folder: Path, uid: int, content: bytes) -> bytes:
    mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    device = device_of(folder.stat().st_dev, mounts)
    if device is None or not device.startswith("/"):
        raise NoQuotaError(folder, "it is on no device of its own")
    room = ctypes.create_string_buffer(content, _ROOM)
    kernel = ctypes.CDLL(None, use_errno=True)
    code = ctypes.c_int(command << 8 | _USER)
    if kernel.quotactl(code, ctypes.c_char_p(os.fsencode(device)), ctypes.c_int(uid), room):
        number = ctypes.get_errno()
        if number in {errno.ESRCH, errno.ENOSYS, errno.ENOTSUP, errno.ENOTBLK, errno.ENOENT, errno.EINVAL}:
            raise NoQuotaError(folder, os.strerror(number))
        raise OSError(number, os.strerror(number), str(folder))
    return room.raw

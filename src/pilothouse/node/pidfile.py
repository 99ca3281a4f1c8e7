"""Pid files: one pass of a kind at a time (node spec, section 2.7).

The file is locked as well as written, so two passes that start in the same moment cannot both go on. Originals
heed its content only, which is why the content is what they expect.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from pilothouse.node import processes
from pilothouse.node.errors import BusyError, NodeError

_log = logging.getLogger("slapos")


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
    """Hold the file during a pass. Raises BusyError, or NodeError when it cannot be written."""
    try:
        descriptor = _locked(path)
    except OSError as error:
        _log.critical("slapgrid could not write pidfile %s", path)
        raise NodeError(f"{path}: {error.strerror}; name another one with --pidfile") from error
    try:
        _take(descriptor, path)
        try:
            yield
        finally:
            Path(path).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _locked(path: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever ended in between has removed the file that was opened
            if os.path.exists(path) and os.path.samestat(os.fstat(descriptor), os.stat(path)):  # noqa: PTH110, PTH116
                return descriptor
        except BlockingIOError:
            pid = _pid(descriptor)
            os.close(descriptor)
            raise BusyError(pid) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, path: str) -> None:
    if os.fstat(descriptor).st_size:
        pid = _pid(descriptor)
        # the daemon that has started this pass is no pass, though its number may stand here since an earlier life
        mine = pid in processes.ancestors()
        if pid and not mine and processes.may_have_written(pid, os.fstat(descriptor).st_mtime) and _is_slapos(pid):
            raise BusyError(pid)
        _log.info("Existing pid file %r was stale, overwritten", path)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _pid(descriptor: int) -> int:
    first = os.pread(descriptor, 32, 0).split(b"\n")[0].strip()
    return int(first) if first.isdigit() else 0


def _is_slapos(pid: int) -> bool:
    try:
        return b"slapos" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False

"""supervisord as this node runs it: root's logs in directories of partitions' users lead nowhere else.

The original opens ``<partition>/.<partition>_<program>.log`` as root and writes there whatever the program says. A user
who puts a link there would write into any file of the machine, and one who puts a pipe there would stop supervisord.
It is a program of its own, run by its path: it must not load anything that supervisord does not.
"""

import os
import stat
from pathlib import Path
from typing import IO, Any

from supervisor import loggers, supervisord


def opened(path: str, mode: str) -> IO[Any]:
    """Open a log; one in a directory of somebody else must be a plain file of its own. Raises OSError."""
    if os.geteuid() or not Path(path).parent.stat().st_uid:
        return Path(path).open(mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise PermissionError(f"{path} is no file of its own; remove it")
    if "w" in mode:
        os.ftruncate(descriptor, 0)
    return os.fdopen(descriptor, mode)


def main() -> None:
    """Be supervisord."""
    vars(loggers)["open"] = opened
    supervisord.main()


if __name__ == "__main__":
    main()

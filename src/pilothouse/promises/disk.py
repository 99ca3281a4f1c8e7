"""``disk``: at least ``megabytes`` are free where the instance lies, or where ``folder`` says."""

from __future__ import annotations

import os

from pilothouse.node.promising.generic import GenericPromise
from pilothouse.promises.declared import promise

_MEGABYTE = 1024 * 1024


@promise
class RunPromise(GenericPromise):
    """Asks the file system."""

    def sense(self) -> None:
        """Compare what an ordinary user may still write with what is wanted."""
        folder = self.getConfig("folder") or self.getPartitionFolder()
        status = os.statvfs(folder)
        free, wanted = status.f_bavail * status.f_frsize // _MEGABYTE, int(self.getConfig("megabytes"))
        say = self.logger.info if free >= wanted else self.logger.error
        say("%d MB are free at %s, %d are wanted", free, folder, wanted)

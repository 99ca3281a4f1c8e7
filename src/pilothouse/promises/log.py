"""``log``: no line of the last ``minutes`` in ``file`` matches the regular expression ``pattern``.

Lines begin with a time in UTC such as ``2026-11-22 08:15:43``, as those of PostgreSQL do here; others belong to the
line above. In ``file`` a ``*`` stands for any name, and the file that was changed last is read. One that is not there
yet has no lines.
"""

from __future__ import annotations

import glob
import os
import re
from datetime import datetime, timedelta, timezone

from pilothouse.node.promising.files import lines_backwards
from pilothouse.node.promising.generic import GenericPromise
from pilothouse.promises.declared import promise

_MINUTES = "15"


def matching(file: str, pattern: str, since: datetime) -> str | None:
    """Return the latest line that matches and is not older, None if there is none."""
    wanted = re.compile(pattern)
    for line in lines_backwards(file):
        try:
            at = datetime.strptime(line[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        if at < since:
            return None
        if wanted.search(line):
            return line
    return None


@promise
class RunPromise(GenericPromise):
    """Reads the log from its end."""

    def sense(self) -> None:
        """Look for a line of trouble."""
        file, minutes = self.getConfig("file"), float(self.getConfig("minutes", _MINUTES))
        since = datetime.now(timezone.utc) - timedelta(minutes=minutes)
        latest = max(glob.glob(file), key=os.path.getmtime, default=file)
        found = matching(latest, self.getConfig("pattern"), since)
        if found is None:
            self.logger.info("no trouble in %s for %g minutes", file, minutes)
        else:
            self.logger.error("%s: %s", latest, found)

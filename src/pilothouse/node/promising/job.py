"""What the node asks of this process: the promises of one partition (node spec 13.1, 13.5)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Job(NamedTuple):
    """One run of a partition's promises; the fields are those of the request's document.

    ``timeout`` is in seconds, for each promise. With ``uid`` 0 the user is not changed. ``config`` is what plugins are
    configured with besides what this process knows.
    """

    partition: str
    uid: int
    gid: int
    user: str
    anomaly: bool
    forced: bool
    can_bang: bool
    timeout: float
    concurrency: int
    config: dict[str, Any]

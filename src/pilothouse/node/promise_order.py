"""Which promises are to be run, how, and what they found (node spec 13.1, 13.3)."""

import pwd
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse import __version__
from pilothouse.checks.result import Result
from pilothouse.node.promising import discovery

TIMEOUT: Final = 20.0  # seconds for one promise
CONCURRENCY: Final = 4  # promises of one partition at once


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Which promises are to be run, and how; times are in seconds.

    ``software`` is the folder of the partition's release, whose Python runs the promises when there are plugins.
    ``forced`` runs also those that are not due yet.
    """

    partition_id: str
    folder: Path
    software: Path | None = None
    anomaly: bool = False
    forced: bool = True
    can_bang: bool = True
    timeout: float = TIMEOUT
    concurrency: int = CONCURRENCY
    computer_id: str = ""
    master_url: str = ""
    certificate: str | None = None
    key: str | None = None
    debug: bool = False


class Found(msgspec.Struct, frozen=True):
    """What one promise found; ``fresh`` is false for a failure that is remembered because its check is not due."""

    name: str
    result: Result
    fresh: bool = True


class Outcome(msgspec.Struct, frozen=True):
    """What the promises of a partition found, in their order; ``bang`` is what the master is to be told, if anything.

    ``skipped`` counts those that did not need to be checked.
    """

    found: tuple[Found, ...]
    skipped: int = 0
    bang: str | None = None

    @property
    def failure(self) -> str | None:
        """The text of the first failure, as masters and logs get it; None when all promises are kept."""
        return next((failure_text(each) for each in self.found if each.result.failed), None)


def failure_text(found: Found) -> str:
    """Return a failed promise in the documented words."""
    return f"Promise '{found.name}' failed with output: {found.result.message}"


def interpreter(order: Order) -> str | None:
    """Return the Python of the partition's release where plugins need it, None for our own (node spec 13.3)."""
    if order.software is None or not discovery.plugin_names(str(order.folder)):
        return None
    with suppress(OSError, UnicodeDecodeError), (order.software / "bin" / "buildout").open(encoding="utf-8") as stream:
        first, second = (stream.readline().split() for _ in range(2))
        if first and first[0].startswith("#!"):
            named = first[0][2:] or (first[1] if len(first) > 1 else "")
            if named != "/bin/sh":
                return named
            if second[:1] == ["exec"] and len(second) > 1:
                return second[1].strip("\"'")
    return None


def request_of(order: Order) -> dict[str, Any]:
    """Return the order as the process that runs promises reads it. Raises OSError when the partition is not there."""
    owner = order.folder.stat()
    try:
        user = pwd.getpwuid(owner.st_uid)
        name, home = user.pw_name, user.pw_dir
    except KeyError:
        name, home = "", str(order.folder)
    return {
        "partition": str(order.folder),
        "uid": owner.st_uid,
        "gid": owner.st_gid,
        "user": name,
        "home": home,
        "anomaly": order.anomaly,
        "forced": order.forced,
        "can_bang": order.can_bang,
        "timeout": order.timeout,
        "concurrency": order.concurrency,
        "config": {
            "debug": order.debug,
            "master-url": order.master_url,
            "partition-cert": order.certificate,
            "partition-key": order.key,
            "partition-id": order.partition_id,
            "computer-id": order.computer_id,
            "slapgrid-version": __version__,
        },
    }

"""Why an instance is not well: its failing promises, since when, and what changed before."""

import shlex
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.checks import history, nagios, result, story
from pilothouse.checks.story import Change, Story
from pilothouse.node import reading
from pilothouse.node.layout import InstancePlace
from pilothouse.node.promising import discovery, files
from pilothouse.node.promising.files import Files

_CHANGES: Final = 3
_LINES: Final = 5


class Failing(msgspec.Struct, frozen=True):
    """A promise that failed when it was last checked; ``lines`` are the last of its log."""

    name: str
    message: str
    story: Story
    changes: list[Change]
    lines: list[str]
    numbers: list[nagios.Datum]


class Reason(msgspec.Struct, frozen=True):
    """What is known of a partition: how many promises it has, which fail, and what its last processing failed with."""

    partition: str
    promises: int
    unchecked: int
    failing: list[Failing]
    error: str | None
    command: str | None


def reason(place: InstancePlace, cfg: str | None = None) -> Reason:
    """Return why a partition is not well, by what lies on the disk; nothing is run.

    ``cfg`` is the node's file where commands have to name it.
    """
    promises, _ = discovery.found(str(place.folder))
    changes = list(_changes(place, promises))
    failing, unchecked = [], 0
    for promise in promises:
        document = files.load(Files(str(place.folder)).result(promise.title))
        found = result.read(document.get("result")) if isinstance(document, dict) else None
        unchecked += found is None
        if found is not None and found.failed:
            failing.append(_failing(place, promise, found, changes))
    error = _first_lines(place.error_log)
    named = ("--cfg", cfg) if cfg else ()
    force = shlex.join(("slapos", "node", "instance", "--only-cp", place.name, "--force", *named))
    again = shlex.join(("slapos", "node", "promise", "--only-cp", place.name, *named))
    command = force if failing or error else again if unchecked else None
    return Reason(place.name, len(promises), unchecked, failing, error, command)


def _failing(place: InstancePlace, promise: discovery.Found, found: result.Result, changes: list[Change]) -> Failing:
    log = Files(str(place.folder)).log(promise.title)
    told = story.told(history.backwards(files.lines_backwards(log)))
    since = found.date if told.since is None else told.since
    lines = list(islice(files.lines_backwards(log), _LINES))[::-1]
    return Failing(
        promise.name,
        found.message,
        told,
        story.before(changes, since, _CHANGES),
        lines,
        nagios.performance(found.message),
    )


def _changes(place: InstancePlace, promises: list[discovery.Found]) -> list[Change]:
    watched = {
        place.timestamp: "the instance was processed",
        place.folder / "buildout.cfg": "the instance's profile was written",
        place.folder / "software_release": "the software release was linked",
        **{Path(promise.path): f"the promise {promise.name} was written" for promise in promises},
        **{path: f"the service {path.name} was written" for path in (place.folder / "etc").glob("service/*")},
        **{path: f"the program {path.name} was written" for path in (place.folder / "etc").glob("run/*")},
    }
    found = []
    for path, what in watched.items():
        try:
            found.append(Change(path.lstat().st_mtime, what))
        except OSError:
            continue
    return found


def _first_lines(path: Path) -> str | None:
    text = reading.text(path)
    return None if text is None else "\n".join(text.splitlines()[:_LINES])

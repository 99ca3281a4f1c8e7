"""One software release: built where it will stay, or removed (node spec, sections 9.4 to 9.8).

A buildout writes its own absolute path into what it makes, so a release cannot be built elsewhere and renamed.
What keeps a half-built one from being used is a mark that stands beside its files until a build has ended well.
"""

import contextlib
import enum
import logging
import os
import subprocess
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import buildout, child, freespace, identity, lending, profile, release_folder
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import NodePlace, SoftwarePlace

_log = logging.getLogger("slapos")
_SKIPPED: Final = "buildout-bootstrap-skipped"


class Way(enum.Enum):
    """How a release came to be there."""

    BUILT = enum.auto()
    DOWNLOADED = enum.auto()


def install(config: Configuration, place: SoftwarePlace, *, forced: bool, debug: bool) -> Way:
    """Download or build a release. Raises BuildoutError with the output, NodeError, or OSError."""
    _log.info("Installing software release %s ...", place.url)
    freespace.require(place.folder, config.software_min_free_space, "software_min_free_space")
    child.end_leftover(note_of(config, place))
    if _is_downloaded(config, place, forced=forced):
        return Way.DOWNLOADED
    _require_profile(config, place)
    owner = _prepare(config, place)
    build = buildout.Build(
        folder=place.folder,
        who=owner,
        note=note_of(config, place),
        home=str(place.folder),
        debug=debug,
        seconds=config.software_timeout,
    )
    arguments = buildout.parameters(config, place.folder, forced=forced, debug=debug)
    program = place.folder / "bin" / "buildout"
    skipped = program.with_name(_SKIPPED)
    _bootstrap(config, build, arguments, program, skipped)
    buildout.run(build, (*child.words_of(program), *arguments))
    skipped.unlink(missing_ok=True)
    place.unfinished.unlink(missing_ok=True)
    return Way.BUILT


def _require_profile(config: Configuration, place: SoftwarePlace) -> None:
    """Raise NodeError where buildout would call a missing file a bug of its own; another program may do without."""
    if place.url.startswith("/") and not (config.buildout or place.folder.exists() or Path(place.url).is_file()):
        raise NodeError(f"there is no file {place.url} on this machine to build it from")


def note_of(config: Configuration, place: SoftwarePlace) -> Path:
    """Return the file that names the program that builds a release, while it runs."""
    return NodePlace(config.instance_root).run / f"software-{place.md5}.child"


def _is_downloaded(config: Configuration, place: SoftwarePlace, *, forced: bool) -> bool:
    if not config.networkcache:
        return False
    from pilothouse.node.networkcache import download  # noqa: PLC0415 - few nodes have a cache, and HTTP loads slowly
    from pilothouse.node.networkcache.settings import settings  # noqa: PLC0415

    if not forced and download.is_as_downloaded(place):
        return True
    return download.is_installed(config, settings(config.networkcache), place)


def _prepare(config: Configuration, place: SoftwarePlace) -> identity.Identity:
    folder = place.folder
    owner = identity.owner_of(config.software_root)
    if not folder.exists():
        release_folder.make(place, owner)
    release_folder.mark(place.unfinished, owner)
    place.completed.unlink(missing_ok=True)
    place.origin.unlink(missing_ok=True)
    _netrc(folder, owner)
    cache = folder / "extends-cache"
    if not cache.exists():
        cache.mkdir(mode=0o755)
        identity.give(cache, owner)
    path = folder / "buildout.cfg"
    if not path.exists():
        text = profile.release_text(place.url, config.shared_part_list, config.build_time_part_list)
        write_atomic(path, text.encode())
        identity.give(path, owner)
    _note_revision(path, place.url)
    return owner


def _netrc(folder: Path, owner: identity.Identity) -> None:
    target = folder / ".netrc"
    target.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        content = lending.content(Path(identity.account_of(owner.uid).home) / ".netrc", folder.stat())
        write_atomic(target, content, mode=0o600)
        identity.give(target, owner)


def _note_revision(path: Path, url: str) -> None:
    """Say which revision a local release was, where it lies in a git checkout."""
    if "://" in url or not Path(url).exists():
        return
    try:
        done = subprocess.run(
            ["git", "describe", "--all", "--long", "--dirty"],
            cwd=Path(url).parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    text = lending.content(path, path.parent.stat()).decode("utf-8", "replace")
    revision = f"git revision: {done.stdout.strip()}"
    if done.returncode or revision in (text.splitlines() or [""])[-1]:
        return
    from datetime import UTC, datetime  # noqa: PLC0415 - for local releases only

    write_atomic(path, f"{text}# {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {revision}\n".encode())
    identity.give(path, identity.owner_of(path.parent))


def _bootstrap(
    config: Configuration, build: buildout.Build, arguments: tuple[str, ...], program: Path, skipped: Path
) -> None:
    """Make bin/buildout, unless one is there and was not skipped last time as well (section 9.7.1)."""
    if program.exists() and not skipped.exists():
        os.close(os.open(skipped, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
        identity.give(skipped, build.who)
        return
    skipped.unlink(missing_ok=True)
    buildout.run(build, buildout.bootstrap_words(config.buildout, arguments))


def complete(place: SoftwarePlace) -> None:
    """Note that a release is installed, and that the master knows."""
    from time import asctime, localtime  # noqa: PLC0415

    release_folder.settle(place.folder)
    write_atomic(place.completed, asctime(localtime()).encode(), durable=True)


def installed(place: SoftwarePlace) -> bool:
    """Whether a release is built and the master knows."""
    return place.completed.exists() and usable(place)


def usable(place: SoftwarePlace) -> bool:
    """Whether instances may use what is there: not while a build is under way, or when the last one failed."""
    return place.folder.is_dir() and not place.unfinished.exists()

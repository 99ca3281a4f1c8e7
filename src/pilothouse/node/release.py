"""One software release: built where it will stay, or removed (node spec, sections 9.4 to 9.8).

A buildout writes its own absolute path into what it makes, so a release cannot be built elsewhere and renamed.
What keeps a half-built one from being used is a mark that stands beside its files until the build has ended well.
"""

import contextlib
import logging
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import buildout, child, freespace, identity, profile
from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import NodePlace, SoftwarePlace

_log = logging.getLogger("slapos")
_SKIPPED: Final = "buildout-bootstrap-skipped"


def install(config: Configuration, place: SoftwarePlace, *, forced: bool, debug: bool) -> None:
    """Build a release. Raises BuildoutError with the output, NodeError, or OSError."""
    _log.info("Installing software release %s ...", place.url)
    freespace.require(place.folder, config.software_min_free_space, "software_min_free_space")
    owner = _prepare(config, place)
    build = buildout.Build(
        folder=place.folder,
        who=owner,
        note=NodePlace(config.instance_root).run / f"software-{place.md5}.child",
        home=str(place.folder),
        debug=debug,
    )
    arguments = buildout.parameters(config, place.folder, forced=forced, debug=debug)
    program = place.folder / "bin" / "buildout"
    skipped = program.with_name(_SKIPPED)
    child.end_leftover(build.note)
    _bootstrap(config, build, arguments, program, skipped)
    buildout.run(build, (*child.words_of(program), *arguments))
    skipped.unlink(missing_ok=True)
    place.unfinished.unlink(missing_ok=True)


def _prepare(config: Configuration, place: SoftwarePlace) -> identity.Identity:
    folder = place.folder
    owner = identity.owner_of(config.software_root)
    if not folder.exists():
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
        identity.give(folder, owner)
        _mark(place, owner)
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


def _mark(place: SoftwarePlace, owner: identity.Identity) -> None:
    write_atomic(place.unfinished, b"The first build of this release has not ended well yet.\n")
    identity.give(place.unfinished, owner)


def _netrc(folder: Path, owner: identity.Identity) -> None:
    target = folder / ".netrc"
    target.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        content = (Path(identity.account_of(owner.uid).home) / ".netrc").read_bytes()
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
    text = path.read_text("utf-8")
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

    write_atomic(place.completed, asctime(localtime()).encode(), durable=True)


def usable(place: SoftwarePlace) -> bool:
    """Whether instances may use what is there: not while its first build is under way, or has failed."""
    return place.completed.exists() or not place.unfinished.exists()


def remove(folder: Path) -> None:
    """Remove a tree, directories without permissions included. Raises OSError when something stays."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        if os.geteuid():  # root needs no permission, and must not follow what others may exchange meanwhile
            _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    folder.chmod(stat.S_IRWXU)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            _open_up(path)

"""Runs of buildout: what they are called with, and whose rights they get (node spec, sections 9.7, 9.8 and 12.7)."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pilothouse.node import child, environment
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import BuildoutError
from pilothouse.node.identity import Identity

_log = logging.getLogger("slapos")
_OWN: Final = "import sys; from zc.buildout.buildout import main; sys.exit(main())"
_CACHE_KEYS: Final = (
    *("signature-private-key-file", "upload-cache-url", "upload-dir-url"),
    *("shacache-ca-file", "shacache-cert-file", "shacache-key-file"),
    *("shadir-ca-file", "shadir-cert-file", "shadir-key-file"),
)


class Build(NamedTuple):
    """Where a buildout is made, for whom, and what a pass that is killed leaves for the next one to find."""

    folder: Path
    who: Identity
    note: Path
    home: str
    debug: bool = False
    seconds: float | None = None
    more: Mapping[str, str] = {}


def parameters(config: Configuration, folder: Path, *, forced: bool, debug: bool) -> tuple[str, ...]:
    """Return the arguments of a release's buildout."""
    cache = {name: config.networkcache[name] for name in _CACHE_KEYS if name in config.networkcache}
    uses = {"signature-private-key-file", "upload-cache-url", "upload-dir-url"} & cache.keys()
    return (
        *(("-D",) if debug else ()),
        "-U",
        f"buildout:extends-cache={folder}/extends-cache",
        f"buildout:directory={folder}",
        *(("buildout:networkcache-section=networkcache",) if uses else ()),
        *(f"networkcache:{name}={value}" for name, value in cache.items()),
        *(() if forced else ("-N",)),
        "-c",
        f"{folder}/buildout.cfg",
    )


def bootstrap_words(program: str | None, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that makes a release's own bin/buildout; without a program ours is used."""
    begin = (sys.executable, "-S", program) if program else (sys.executable, "-I", "-c", _OWN)
    return (*begin, *arguments, "bootstrap")


def run(build: Build, words: tuple[str, ...]) -> None:
    """Run one command of a build. Raises BuildoutError with everything that it said, or TimedOutError."""
    _log.debug("Invoking: %s in directory '%s'", " ".join(words), build.folder)
    ended = child.run(
        child.Program(
            words=words,
            folder=build.folder,
            who=build.who,
            environ=environment.cleaned(os.environ, build.home, build.more),
            note=build.note,
            seconds=build.seconds,
            captured=not build.debug,
        )
    )
    if ended.status:
        _log.error("Failed to run buildout profile in directory '%s'", build.folder)
        raise BuildoutError(str(build.folder), ended.output)

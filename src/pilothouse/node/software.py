"""``slapos node software``: the releases that were supplied, built and removed (node spec, section 9)."""

import logging
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pilothouse.node import child, locks, managers, master, passlog, release, release_folder, supervisord
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import BuildoutError, NodeError
from pilothouse.node.layout import NodePlace, SoftwarePlace
from pilothouse.node.networkcache import pending
from pilothouse.slap.client import NotFoundError

if TYPE_CHECKING:
    from pilothouse.slap.client import SoftwareRelease

_log = logging.getLogger("slapos")
_NAME: Final = re.compile(r"[0-9a-f]{32}")


class Request(NamedTuple):
    """What the command line asks: ``only`` holds URLs and MD5 names."""

    forced: bool = False
    only: tuple[str, ...] = ()
    collects: bool = False
    debug: bool = False


def run(config: Configuration, request: Request) -> int:
    """Bring the releases to what the master wants; returns the exit code. Raises SlapException, NodeError."""
    if not config.software_root.is_dir():
        raise NodeError(f"{config.software_root} does not exist.")
    managers.load(managers.setting_of(config), config.manager_list)  # none has to do with releases
    node = supervisord.prepare(config)
    _log.info("Processing software releases...")
    release_folder.sweep(config.software_root, node)
    failed = False
    supplied, places = list[str](), list[SoftwarePlace]()
    for one in master.releases(master.computer(config)):
        place = SoftwarePlace(config.software_root, one.getURI())
        if one.getState() == "available":
            supplied.append(place.md5)
        if request.only and not {place.md5, place.url} & set(request.only):
            continue
        failed |= not _brought(config, request, node, place, one)
        places.append(place)
    if unknown := sorted(set(request.only) - {name for place in places for name in (place.md5, place.url)}):
        _log.warning("Not supplied to this machine, so nothing is done for them: %s", ", ".join(unknown))
    if request.collects:
        collect(config, node, supplied)
    for place in places:  # when all is built that somebody waits for
        _share(config, node, place)
    _log.info("Finished software releases.")
    return int(failed)


def _brought(
    config: Configuration, request: Request, node: NodePlace, place: SoftwarePlace, one: "SoftwareRelease"
) -> bool:
    """Bring one release to its state; what goes wrong is told, and never stops the others."""
    try:
        if one.getState() == "destroyed":
            _destroy(config, node, place, one)
        elif request.forced or not release.installed(place):
            _install(config, request, node, place, one)
    except NodeError as error:
        if not isinstance(error, BuildoutError):  # which has been said line by line
            _log.error("%s: %s", place.url, error)
        one.error(str(error), _log)
    except (SystemExit, KeyboardInterrupt):
        one.error(traceback.format_exc(), _log)
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with one release, the others are built
        text = traceback.format_exc()
        _log.exception("%s cannot be processed", place.url)
        one.error(text, _log)
    else:
        return True
    _log.error("The whole log of %s is in %s", place.url, log_of(node, place))
    return False


def _install(
    config: Configuration, request: Request, node: NodePlace, place: SoftwarePlace, one: "SoftwareRelease"
) -> None:
    with locks.held(node.run, f"software-{place.md5}"), passlog.attached(passlog.open_log(log_of(node, place))):
        try:
            one.building()
        except NotFoundError:
            _log.debug("The master does not know %s", place.url)
        way = release.install(config, place, forced=request.forced, debug=request.debug)
        # if the master does not hear of it now, the next pass tells it again
        one.available()
        if way is release.Way.BUILT:
            pending.add(config, node, place)
        release.complete(place)


def _share(config: Configuration, node: NodePlace, place: SoftwarePlace) -> None:
    if not pending.is_due(node, place) or not release.installed(place):
        return
    from pilothouse.node.networkcache.settings import settings  # noqa: PLC0415 - after builds only
    from pilothouse.node.networkcache.upload import upload  # noqa: PLC0415

    try:
        with passlog.attached(passlog.open_log(log_of(node, place))):
            upload(config, settings(config.networkcache), node, place)
    except OSError as error:
        _log.warning("%s was not uploaded to the network cache: %s", place.url, error)


def _destroy(config: Configuration, node: NodePlace, place: SoftwarePlace, one: "SoftwareRelease") -> None:
    with locks.held(node.run, f"software-{place.md5}"):
        child.end_leftover(release.note_of(config, place))
        if place.folder.exists():
            pending.forget(node, place)
            _log.info("Destroying %r ...", place.url)
            release_folder.take_away(place.folder)
            _log.info("Destroyed %r .", place.url)
    one.destroyed()


def log_of(node: NodePlace, place: SoftwarePlace) -> Path:
    """Return the file that keeps what builds of a release said."""
    return node.log / "software" / f"{place.md5}.log"


def collect(config: Configuration, node: NodePlace, supplied: list[str]) -> None:
    """Remove the releases that are not supplied any more; unlike the original, one that was only skipped stays."""
    for folder in sorted(config.software_root.iterdir()):
        if _NAME.fullmatch(folder.name) and folder.name not in supplied and (folder / "buildout.cfg").exists():
            _log.info("Removing %s, which is not supplied any more", folder)
            try:
                with locks.held(node.run, f"software-{folder.name}"):
                    release_folder.take_away(folder)
            except OSError:
                _log.exception("%s cannot be removed", folder)

"""A release taken from the network cache instead of being built (node spec, sections 10.2 and 10.3).

It is unpacked beside and then renamed, so there is the whole release or none. Why the cache was of no use is always
said, and the release is built then.
"""

import logging
import tempfile

from pilothouse.errors import PilothouseError
from pilothouse.files import write_atomic
from pilothouse.node import identity, release_folder
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import BuildoutError
from pilothouse.node.layout import SoftwarePlace
from pilothouse.node.networkcache import choice, unpacking
from pilothouse.node.networkcache.remote import Remote
from pilothouse.node.networkcache.settings import Settings, beginning
from pilothouse.slap.cache_entries import Entry, key_of_release
from pilothouse.slap.cache_systems import current

_log = logging.getLogger("slapos")


class ForcedError(BuildoutError):
    """A release may come from the cache only, and does not."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        PilothouseError.__init__(self, f"Binary cache forced for '{url}', but {reason}, will retry again")


def is_installed(config: Configuration, settings: Settings, place: SoftwarePlace) -> bool:
    """Take a release from the cache if it may be; False when it must be built. Raises ForcedError."""
    if place.folder.exists():
        if beginning(place.url, settings.forced):
            raise _forced(place.url, f"directory {place.folder} already exists")
        return False
    if _is_wanted(settings, place.url) and _is_fetched(config, settings, place):
        return True
    if beginning(place.url, settings.forced):
        raise _forced(place.url, "failed to download")
    return False


def _forced(url: str, reason: str) -> ForcedError:
    error = ForcedError(url, reason)
    _log.error("%s", error)
    return error


def is_as_downloaded(place: SoftwarePlace) -> bool:
    """Whether the release is whole as it came from a cache, and nothing was built on it since."""
    return place.origin.exists() and not place.unfinished.exists()


def _is_wanted(settings: Settings, url: str) -> bool:
    if settings.download.is_half:
        _log.warning("networkcache badly configured: only one of download-binary-cache-url and download-binary-dir-url")
        return False
    if settings.download.is_whole and not settings.certificates:
        _log.info("The network cache is not asked for %s: signature-certificate-list is empty", url)
        return False
    if prefix := beginning(url, settings.never_downloaded):
        _log.warning("URL %s is blacklisted", prefix)
        return False
    return settings.download.is_whole


def _is_fetched(config: Configuration, settings: Settings, place: SoftwarePlace) -> bool:
    """Try the entries of the cache one after the other; whatever goes wrong is told."""
    _log.info("Downloading %s binary from network cache.", place.url)
    remote = Remote(settings.download)
    try:
        for entry in _usable(remote, config, settings, place):
            try:
                _fetch(config, remote, place, entry)
            except (PilothouseError, OSError) as error:
                _log.warning("The binary of %s cannot be used: %s", place.url, error)
            else:
                return True
    except PilothouseError as error:
        _log.warning("The network cache cannot be used for %s: %s", place.url, error)
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache, the release can be built
        _log.exception("The network cache cannot be used for %s", place.url)
    return False


def _usable(remote: Remote, config: Configuration, settings: Settings, place: SoftwarePlace) -> list[Entry]:
    entries = remote.entries(key_of_release(place.url))
    wanted = choice.Wanted(
        url=place.url,
        software_root=str(config.software_root),
        system=current(),
        certificates=settings.certificates,
    )
    found = choice.choose(entries, wanted)
    if not entries:
        _log.info("The network cache has no binary of %s.", place.url)
    for reason in found.refused:
        _log.info("The network cache has a binary that is not used: %s", reason)
    return found.usable


def _fetch(config: Configuration, remote: Remote, place: SoftwarePlace, entry: Entry) -> None:
    owner = identity.owner_of(config.software_root)
    with release_folder.private(place, "incoming") as inside:
        with tempfile.TemporaryFile(dir=inside) as archive:
            remote.fetch(entry.value["sha512"], archive, config.software_timeout)
            _log.info("Extracting archive of cached software release...")
            archive.seek(0)
            unpacking.unpack(archive, inside / place.md5, place.folder, owner)
        write_atomic(inside / place.md5 / place.origin.name, f"{entry.text}\n".encode())
        release_folder.settle(inside)
        (inside / place.md5).rename(place.folder)

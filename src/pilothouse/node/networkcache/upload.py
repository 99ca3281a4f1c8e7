"""A release that was built here is given to the network cache (node spec, section 10.4)."""

import hashlib
import logging
import tempfile
from pathlib import Path

from pilothouse.errors import PilothouseError
from pilothouse.node import identity, locks, release, release_folder, shared_parts
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import NodePlace, SoftwarePlace
from pilothouse.node.networkcache import packing, pending
from pilothouse.node.networkcache.remote import Remote
from pilothouse.node.networkcache.settings import Settings, beginning
from pilothouse.slap import cache_entries
from pilothouse.slap.cache_systems import current

_log = logging.getLogger("slapos")


def upload(config: Configuration, settings: Settings, node: NodePlace, place: SoftwarePlace) -> None:
    """Upload a release that is in use; a failure is told, and fails nothing else."""
    if reason := _refusal(config, settings, place):
        _log.info("%s", reason)
        pending.forget(node, place)
        return
    with locks.shared(node.run, f"software-{place.md5}") as idle:
        if not idle or not release.installed(place):
            return
        count = pending.tried(node, place)
        _log.info("Trying to upload archive of software release (try %d)...", count)
        try:
            _send(config, settings, place)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a cache, the release is there
            if _tell(place, error, count + 1):
                return
    pending.forget(node, place)


def _tell(place: SoftwarePlace, error: Exception, tries: int) -> bool:
    """Say why it failed; returns whether it is tried again."""
    again = tries < pending.TRIES
    then = f"a pass in {pending.BETWEEN / 60:g} minutes or later tries again" if again else "it is not tried again"
    known = isinstance(error, (PilothouseError, OSError))
    _log.warning("%s was not uploaded to the network cache: %s; %s", place.url, error, then, exc_info=not known)
    return again


def _refusal(config: Configuration, settings: Settings, place: SoftwarePlace) -> str | None:
    """Return why a release is not for others, None when it is."""
    if beginning(place.url, settings.never_uploaded):
        return "Can't upload to binary cache: Software Release URL is blacklisted."
    if (place.folder / ".shared").exists():
        return f"{place.url} is not uploaded: it has a file .shared"
    if part := _shared_part(config, place):
        return f"{place.url} is not uploaded: it needs the shared part {part}, which lies outside of it"
    return None


def _shared_part(config: Configuration, place: SoftwarePlace) -> Path | None:
    directories = [Path(line.strip()).expanduser() for line in config.shared_part_list.splitlines() if line.strip()]
    parts = [part for directory in directories for part in shared_parts.parts_below(directory)]
    texts = list(shared_parts.texts_of_release(place.folder)) if parts else []
    return next((part.path for part in parts if any(part.signature in text for text in texts)), None)


def _send(config: Configuration, settings: Settings, place: SoftwarePlace) -> None:
    if not settings.key_file:
        raise NodeError("there is no signature-private-key-file, and nobody trusts what is not signed")
    key = Path(settings.key_file).read_bytes()
    owner = identity.owner_of(config.software_root)
    with (
        release_folder.private(place, "outgoing") as inside,
        tempfile.TemporaryFile(dir=inside) as archive,
    ):
        _log.info("Creating archive of software release...")
        packing.pack(place.folder, archive, owner)
        archive.seek(0)
        sha512 = hashlib.file_digest(archive, "sha512").hexdigest()
        _log.info("Uploading %s binary into network cache.", place.url)
        remote = Remote(settings.upload)
        if not remote.has(sha512):
            remote.store(archive, sha512)
        entry = cache_entries.signed(_facts(config, place, sha512), key)
        remote.tell(cache_entries.key_of_release(place.url), entry)


def _facts(config: Configuration, place: SoftwarePlace, sha512: str) -> dict[str, object]:
    system = current()
    return {
        "sha512": sha512,
        "software_url": place.url,
        "software_root": str(config.software_root),
        "multiarch": system.multiarch,
        "os": [system.name, system.version, system.codename],
    }

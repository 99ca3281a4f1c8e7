"""``slapos cachelookup binary-sr`` and ``cache lookup``: is there a binary of a software release? (spec 10.14)."""

import argparse
import logging
import re
from collections.abc import Sequence
from typing import Final

from pilothouse.cli.slapos import network_cache
from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.table import table
from pilothouse.slap import cache_entries, cache_systems

_DESCRIPTION: Final = """\
perform a query to the networkcache
You can provide either a complete URL to the software release,
or a corresponding MD5 hash value.

The command will report which OS distribution/version have a binary
cache of the software release, and which ones are compatible
with the OS you are currently running."""
_ARGUMENTS: Final = network_cache.add_arguments(("software_url", "Your software url or MD5 hash"))


def key_of(software: str) -> str:
    """Return the key of a release: the sum of its URL, or the sum that was given."""
    if re.match(r"[0-9a-f]{32}", software):
        return software
    return cache_entries.key_of_release(software)


def rows(
    entries: Sequence[cache_entries.Entry], here: cache_systems.System, certificates: Sequence[str]
) -> list[list[str]]:
    """Return a row for each entry: its system, whether it runs here, whether its signature is good."""
    found = []
    for entry in entries:
        built = cache_systems.described(entry.value)
        flags = [here.fits(built), network_cache.verified(entry, certificates)]
        found.append([*built, *("yes" if flag else "no" for flag in flags)])
    return sorted(found)


def _binary(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.fetching import FetchError

    log, wanted = logging.getLogger("slapos"), chosen.software_url
    configuration = network_cache.read_configuration(chosen.cfg)
    key = key_of(wanted)
    try:
        entries = network_cache.entries(configuration.address("download-binary-dir-url"), key)
        if not entries:
            log.info("Object found in cache, but has no binary entries.")
            return 0
        found = rows(entries, cache_systems.current(), configuration.certificates)
    except network_cache.AbsentError:
        raise CommandError(f"Software release not found in binary cache: {wanted}") from None
    except (FetchError, CommandError) as error:
        log.critical("Error while looking object %s\n%s", wanted, error)
        return FAILED
    log.info("Software URL: %s", entries[0].value.get("software_url"))
    log.info("MD5:          %s", key)
    for line in table(["multiarch", "distribution", "version", "id", "compatible?", "verified?"], found):
        log.info(line)
    return 0


def _lookup(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.fetching import FetchError

    wanted = chosen.software_url
    configuration = network_cache.read_configuration(chosen.cfg)
    key, directory = key_of(wanted), configuration.address("download-binary-dir-url")
    try:
        entries = network_cache.entries(directory, key)
    except (network_cache.AbsentError, FetchError, CommandError) as error:
        return network_cache.failed_lookup(wanted, directory, error)
    if not entries:
        print("Object found in cache, but has no binary entries.")
        return 0
    print(f"Software URL: {entries[0].value.get('software_url')}")
    print(f"MD5:          {key}\n\n-------------\nAvailable for:")
    found = rows(entries, cache_systems.current(), configuration.certificates)
    shown = sorted([row[1], row[2], row[3], row[4]] for row in found)
    for line in table(["distribution", "version", "id", "compatible?"], shown, between="|"):
        print(line)
    return 0


BINARY_SR: Final = Entry(_DESCRIPTION, _ARGUMENTS, _binary)
LOOKUP: Final = Entry(_DESCRIPTION, _ARGUMENTS, _lookup, "The newer command is: slapos cachelookup binary-sr")

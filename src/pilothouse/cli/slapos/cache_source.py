"""``slapos cachelookup url`` and ``pypi``, and ``cache source``: is a source in the cache? (spec section 10.14)."""

import argparse
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from pilothouse.cli.slapos import network_cache
from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.table import table
from pilothouse.slap import cache_entries


def _url(chosen: argparse.Namespace) -> int:
    return _show(
        chosen, f"file-urlmd5:{_sum(chosen.url)}", f"Software source URL: {chosen.url}", f"object {chosen.url}", "url"
    )


def _pypi(chosen: argparse.Namespace) -> int:
    named = f"{chosen.name} version {chosen.version}"
    return _show(chosen, f"pypi:{chosen.name}={chosen.version}", f"Python egg {named}", f"egg {named}", "basename")


def _show(chosen: argparse.Namespace, key: str, heading: str, named: str, column: str) -> int:
    from pilothouse.cli.slapos.fetching import FetchError

    log = logging.getLogger("slapos")
    configuration = network_cache.read_configuration(chosen.cfg)
    directory = configuration.address("download-dir-url")
    try:
        entries = network_cache.entries(directory, key)
        signed = [network_cache.verified(entry, configuration.certificates) for entry in entries]
    except (FetchError, CommandError) as error:
        log.critical("Error while looking %s\n%s", named, error)
        return FAILED
    if not entries:
        log.info("Object found in cache, but has no entry.")
        return 0
    log.info("%s", heading)
    log.info("SHADIR URL: %s/%s\n", directory, key)
    rows = [
        [str(entry.value.get(column, "")), str(entry.value.get("sha512", "")), str(good)]
        for entry, good in zip(entries, signed, strict=True)
    ]
    print("\n".join(table([column, "sha512", "signed"], rows)))
    return 0


def _source(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.slapos.fetching import FetchError

    md5 = _sum(chosen.url)
    configuration = network_cache.read_configuration(chosen.cfg)
    cache = configuration.address("download-cache-url")
    try:
        entries = _either(
            lambda: network_cache.entries(cache, f"slapos-buildout-{md5}"),
            lambda: network_cache.entries(configuration.address("download-dir-url"), f"file-urlmd5:{md5}"),
        )
    except (network_cache.AbsentError, FetchError, CommandError) as error:
        return network_cache.failed_lookup(chosen.url, cache, error)
    if not entries:
        print("Object found in cache, but has no entry.")
        return 0
    rows = [[network_cache.file_name(entry.value), str(entry.value.get("sha512", ""))] for entry in entries]
    print("\n".join(table(["file", "sha512"], rows, between="|")))
    return 0


def _either(*ways: Callable[[], Sequence[cache_entries.Entry]]) -> Sequence[cache_entries.Entry]:
    """Return what the first way that knows the key finds: caches moved their index from the one to the other."""
    for way in ways[:-1]:
        try:
            return way()
        except network_cache.AbsentError:
            continue
    return ways[-1]()


def _sum(url: str) -> str:
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()


_QUERY: Final = "perform a query to the networkcache.\n\n"
URL: Final = Entry(
    f"{_QUERY}Check if source URL is available to be downloaded from cache.",
    network_cache.add_arguments(("url", "URL to query")),
    _url,
)
PYPI: Final = Entry(
    f"{_QUERY}Check if python package is available to be downloaded from cache.",
    network_cache.add_arguments(("name", "python package name"), ("version", "python package version")),
    _pypi,
)
SOURCE: Final = Entry(
    URL.description,
    network_cache.add_arguments(("url", "URL to query")),
    _source,
    "The newer command is: slapos cachelookup url",
)

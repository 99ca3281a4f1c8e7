"""The network cache: signed entries about what can be downloaded ready made (spec section 10.14)."""

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.options import NODE_VARIABLE, add_node_file
from pilothouse.errors import PilothouseError
from pilothouse.slap import cache_entries
from pilothouse.slap.cache_entries import Entry

_NOT_FOUND: Final = 404
_FAILED_LOOKUP: Final = 10


class AbsentError(PilothouseError):
    """The cache has no such key."""


class CacheConfiguration(NamedTuple):
    """The addresses of a section ``networkcache``, and the certificates (PEM) of trusted builders."""

    options: dict[str, str]
    certificates: Sequence[str]
    path: str

    def address(self, name: str) -> str:
        """Return an address without its last slash. Raises CommandError when the file has none."""
        address = self.options.get(name, "").rstrip("/")
        if not address:
            raise CommandError(
                f"No option '{name}' in section: 'networkcache'", f"{self.path} needs it; it names the cache's server."
            )
        return address


def add_arguments(*positional: tuple[str, str]) -> Callable[[argparse.ArgumentParser], None]:
    """Return what adds ``--cfg`` and positional arguments, each a name and its help."""

    def add(parser: argparse.ArgumentParser) -> None:
        for name, text in positional:
            parser.add_argument(name, help=text)
        add_node_file(parser)

    return add


def read_configuration(cfg: str | None) -> CacheConfiguration:
    """Return what a node's file says about caches. Raises CommandError."""
    path = configuration.node_path(cfg)
    file = configuration.read(path, f"Name the node's file: --cfg FILE, ${NODE_VARIABLE}.")
    if not file.has_section("networkcache"):
        raise CommandError("No section: 'networkcache'", f"{path} names no network cache.")
    options = dict(file.items("networkcache", raw=True))
    certificates = cache_entries.certificates_of(options.get("signature-certificate-list", ""))
    return CacheConfiguration(options, certificates, path)


def entries(directory: str, key: str) -> list[Entry]:
    """Return what a cache knows of a key. Raises AbsentError, FetchError, CommandError."""
    from pilothouse.cli.slapos import fetching

    url = f"{directory}/{quote(key, safe=':=+@,')}"
    try:
        content = fetching.fetch(url)
    except fetching.FetchError as error:
        if error.status == _NOT_FOUND:
            raise AbsentError("Object not found in cache.") from None
        raise
    try:
        return cache_entries.read(content)
    except ValueError:
        raise CommandError(f"{url} is no list of cache entries", "Is this address that of a cache's index?") from None


def failed_lookup(wanted: str, address: str, error: Exception) -> int:
    """Log why a lookup of the older commands failed, in their words; returns their exit code."""
    from pilothouse.cli.slapos.fetching import FetchError

    if isinstance(error, AbsentError):
        text = f"Object not in cache: {wanted}"
    elif isinstance(error, FetchError) and error.status is None:
        text = f"Cannot connect to cache server at {address}: {error}"
    else:
        text = f"Error while looking object {wanted}: {error}"
    logging.getLogger("slapos").critical("%s", text)
    return _FAILED_LOOKUP


def verified(entry: Entry, certificates: Sequence[str]) -> bool:
    """Return whether one of the certificates' owners has signed the entry. Raises CommandError."""
    try:
        return cache_entries.verified(entry, certificates)
    except cache_entries.UnusableKeyError as error:
        raise CommandError("A certificate of signature-certificate-list cannot be read", str(error)) from None


def file_name(value: dict[str, Any]) -> str:
    """Return the name of the file that an entry is about."""
    return str(value.get("file") or value.get("basename") or PurePosixPath(str(value.get("url", ""))).name)

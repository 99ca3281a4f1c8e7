"""Which entry of a cache this node may use, and why not the others (node spec, section 10.2). Pure."""

import os.path
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from pilothouse.slap.cache_entries import Entry, verified
from pilothouse.slap.cache_systems import System, described

_SHA512: Final = re.compile(r"[0-9a-f]{128}")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What this node needs: which release, for which directory and system, from whom (certificates, PEM)."""

    url: str
    software_root: str
    system: System
    certificates: tuple[str, ...]


class Choice(NamedTuple):
    """The entries that may be used, best first, and a reason for each that may not."""

    usable: list[Entry]
    refused: list[str]


def choose(entries: Iterable[Entry], wanted: Wanted) -> Choice:
    """Sort the entries of a key. Raises UnusableKeyError for a certificate that cannot be read."""
    found = Choice([], [])
    for number, entry in enumerate(entries, 1):
        if reason := refusal(entry, wanted):
            found.refused.append(f"entry {number}: {reason}")
        else:
            found.usable.append(entry)
    return found


def refusal(entry: Entry, wanted: Wanted) -> str | None:
    """Return why an entry may not be used, None when it may.

    The address and the directory are looked at because nothing else binds an entry to its key, and because a build
    holds its own absolute path: elsewhere it would not work.
    """
    value, built = entry.value, described(entry.value)
    if not verified(entry, wanted.certificates):
        return "no certificate of signature-certificate-list verifies its signature"
    if value.get("software_url") != wanted.url:
        return f"it is about another release: {value.get('software_url')}"
    if not built.fits(wanted.system):
        return f"it was built on {_shown(built)}, this is {_shown(wanted.system)}"
    root = str(value.get("software_root", ""))
    if os.path.normpath(root) != os.path.normpath(wanted.software_root):
        return f"it was built for the software_root {root!r}, this one is {wanted.software_root!r}"
    if not _SHA512.fullmatch(str(value.get("sha512"))):
        return "it names no content"
    return None


def _shown(system: System) -> str:
    return " ".join(part for part in (system.name, system.version, system.multiarch) if part)

"""The known_hosts format of OpenSSH: which keys a text holds of a name. Pure."""

import base64
import binascii
import fnmatch
import hashlib
from typing import Final

import msgspec

_MARKERS: Final = {"@cert-authority": "authority", "@revoked": "revoked"}
_HASHED: Final = "|1|"
_LENGTH: Final = 4


class HostKey(msgspec.Struct, frozen=True):
    """A public key as machines show it: the bytes of the protocol."""

    blob: bytes

    @property
    def kind(self) -> str:
        """The key's type, as in ``ssh-ed25519``; empty when the bytes are no key."""
        size = int.from_bytes(self.blob[:_LENGTH], "big")
        return self.blob[_LENGTH : _LENGTH + size].decode("ascii", "replace")

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-keygen -l`` shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as files hold it: type and base64."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def __str__(self) -> str:
        """Return type and fingerprint."""
        return f"{self.kind} {self.fingerprint}"


class Entry(msgspec.Struct, frozen=True):
    """One line: ``role`` is empty for an ordinary key, else ``authority`` or ``revoked``."""

    number: int
    role: str
    names: str
    key: HostKey

    def matches(self, name: str) -> bool:
        """Say whether the line is about a host; ``name`` is the bare host or ``[host]:port``."""
        if self.names.startswith(_HASHED):
            return _matches_hash(self.names, name)
        found = False
        for pattern in self.names.split(","):
            if pattern.startswith("!"):
                if _fits(name, pattern[1:]):
                    return False
            elif _fits(name, pattern):
                found = True
        return found


class KnownHosts:
    """The entries of one text; exact names are found without a search."""

    def __init__(self, text: str) -> None:
        self._exact: dict[str, list[Entry]] = {}
        self._others: list[Entry] = []
        for number, line in enumerate(text.splitlines(), 1):
            entry = _entry(number, line)
            if entry is None:
                continue
            if any(sign in entry.names for sign in "*?!|"):
                self._others.append(entry)
            else:
                for name in entry.names.split(","):
                    self._exact.setdefault(name.lower(), []).append(entry)

    def of(self, name: str) -> list[Entry]:
        """Return the entries about a name, ordinary ones and marked ones."""
        low = name.lower()
        return [*self._exact.get(low, ()), *(entry for entry in self._others if entry.matches(low))]


def _entry(number: int, line: str) -> Entry | None:
    """Read a line; as in ssh one that cannot be read is passed over."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    role = ""
    if words[0].startswith("@"):
        role = _MARKERS.get(words[0], "unknown")
        words = words[1:]
    if len(words) < 3 or role == "unknown":  # noqa: PLR2004 - names, type, key
        return None
    try:
        key = HostKey(base64.b64decode(words[2], validate=True))
    except (binascii.Error, ValueError):
        return None
    return Entry(number, role, words[0], key) if key.kind == words[1] else None


def _fits(name: str, pattern: str) -> bool:
    pattern = pattern.lower()
    if name == pattern:
        return True
    # only * and ? are signs in these files; brackets stand for themselves
    return ("*" in pattern or "?" in pattern) and fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_hash(names: str, name: str) -> bool:
    import hmac  # noqa: PLC0415 - many files have no hashed names

    salt, _, digest = names.removeprefix(_HASHED).partition("|")
    try:
        made = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False

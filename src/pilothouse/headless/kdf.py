"""From a password to the bcrypt string that is the SCRAM password (spec sections 11.2 and 11.3)."""

import base64
import hashlib
import re
import unicodedata
from typing import Final, Literal

from pilothouse.errors import UsageError
from pilothouse.headless import limits

Prep = Literal["none", "sha256-b64"]
SALT_SIZE: Final = 29
_SALT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{22}")
_SECRET: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES: Final = 72


class KdfError(UsageError):
    """The server asks for a hash that must not or cannot be made."""


def is_secret(text: str) -> bool:
    """Return whether ``text`` is a whole bcrypt string."""
    return _SECRET.fullmatch(text) is not None


def is_salt(text: str) -> bool:
    """Return whether ``text`` is the 29-character prefix of a bcrypt string."""
    return _SALT.fullmatch(text) is not None


def secret_salt(secret: str) -> str:
    """Return the part of a bcrypt string that the server tells as its ``kdf`` salt."""
    return secret[:SALT_SIZE]


def check_enrolment(scheme: str, salt: str, prep: str) -> None:
    """Raise KdfError for what a false server might ask for to get a hash that is cheap to guess from."""
    if scheme != "bcrypt" or prep not in {"none", "sha256-b64"} or not is_salt(salt):
        raise KdfError(f"the server asks for a hash by {scheme!r} with preparation {prep!r}, which is not known here")
    cost = int(salt[4:6])
    if not limits.ENROL_COST_LEAST <= cost <= limits.ENROL_COST_MOST:
        allowed = f"{limits.ENROL_COST_LEAST} to {limits.ENROL_COST_MOST}"
        raise KdfError(f"the server asks for bcrypt with cost {cost}; allowed: {allowed}")


def prepared(password: str, prep: Prep) -> bytes:
    """Return what bcrypt is given; raises KdfError for NUL, and for more than bcrypt can read."""
    if "\0" in password:
        raise KdfError("a password cannot hold a NUL character")
    raw = unicodedata.normalize("NFC", password).encode("utf-8")
    if prep == "sha256-b64":
        return base64.b64encode(hashlib.sha256(raw).digest())
    if len(raw) > _BCRYPT_BYTES:
        raise KdfError(f"the password has {len(raw)} bytes; this account's hash reads only {_BCRYPT_BYTES}")
    return raw


def make_secret(password: str, salt: str, prep: Prep) -> str:
    """Return the 60-character bcrypt string of ``password``; takes some tenths of a second at cost 12."""
    import bcrypt  # noqa: PLC0415 - only where a password is typed

    return bcrypt.hashpw(prepared(password, prep), salt.encode("ascii")).decode("ascii")

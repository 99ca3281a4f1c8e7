"""Sealed secrets: ``{AESGCM}`` and the base64 of nonce (12 bytes), cipher text and tag (16 bytes).

The key is 32 bytes: either the content of a key file, or stretched from ``password_key`` by scrypt. Stretching
is costly on purpose (tens of milliseconds), is done once per process, and uses one salt for the product,
because a site's secrets must be readable on every one of its runners. A key file is the stronger choice.
"""

import base64
import binascii
import functools
import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from pilothouse.secrets.legacy import SecretError

PREFIX: Final = "{AESGCM}"
KEY_LENGTH: Final = 32
_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16
_SALT: Final = b"pilothouse secret envelope 1"
_BOUND: Final = PREFIX.encode()


@functools.lru_cache(maxsize=8)
def derive_key(password_key: str) -> bytes:
    """Return the 32-byte key that belongs to a site's ``password_key``. Raises SecretError when it is empty."""
    if not password_key:
        raise SecretError("secrets cannot be sealed or opened without a key; set password_key or give a key file")
    return hashlib.scrypt(password_key.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=KEY_LENGTH)


def read_key_file(path: Path) -> bytes:
    """Return the key in a file of exactly 32 bytes that only its owner may read. Raises SecretError."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            key = stream.read(KEY_LENGTH + 1)
    except OSError as error:
        raise SecretError(f"{path}: the key file cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise SecretError(f"{path}: the key file has mode {mode:04o}; others may use it: chmod 600 {path}")
    if len(key) != KEY_LENGTH:
        size = f"{len(key)} bytes" if len(key) < KEY_LENGTH else "more bytes"
        raise SecretError(f"{path}: the key file has {size}; allowed: exactly {KEY_LENGTH} random bytes")
    return key


def seal(text: str, key: bytes) -> str:
    """Return ``text`` sealed under ``key``; the same text gives another envelope each time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - costs start-up time

    nonce = os.urandom(_NONCE_LENGTH)
    return PREFIX + base64.b64encode(nonce + AESGCM(key).encrypt(nonce, text.encode(), _BOUND)).decode()


def is_envelope(text: str) -> bool:
    """Say whether ``text`` claims to be an envelope."""
    return text.startswith(PREFIX)


def open_envelope(envelope: str, key: bytes) -> str:
    """Return the text in an envelope. Raises SecretError when it was altered, cut, or sealed under another key."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - costs start-up time
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - costs start-up time

    try:
        content = base64.b64decode(envelope.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        content = b""
    if not is_envelope(envelope) or len(content) < _NONCE_LENGTH + _TAG_LENGTH:
        raise SecretError(f"a secret is not a whole {PREFIX} envelope; copy it again, from the prefix to the end")
    try:
        plain = AESGCM(key).decrypt(content[:_NONCE_LENGTH], content[_NONCE_LENGTH:], _BOUND)
    except InvalidTag:
        raise SecretError(
            f"a secret's {PREFIX} envelope was altered, or sealed under another key; "
            "compare password_key (or the key file) with the one it was sealed under, or seal the secret again"
        ) from None
    return plain.decode()

"""The RC4 texts of older installations: opened, and written into ``conf/config.ini`` only (spec section 1.10).

RC4 hides nothing from an attacker. It is here so that node files, configuration files and jobs that already
exist can be read; whatever is written anew is an envelope, but for the one file that older tools read too.
"""

import re
from typing import Final

from pilothouse.errors import UsageError
from pilothouse.jobs.secret import Secret

PREFIXES: Final = ("{ENCRYPTED}", "{RC4}", "RC4:")
OPTION_PREFIX: Final = "{RC4}"
MASTER_KEY: Final = "c3H002LGZRrseEPck9tsNgfXHJcl0USJ"
STOCK_PASSWORD_KEY: Final = "r3MQiqvyDaEocb4zl8YJ3ebbZcpKoo7E"  # noqa: S105 - published; it protects nothing
_NOT_HEX: Final = re.compile("[^0-9a-fA-F]")


class SecretError(UsageError):
    """A secret cannot be opened. The text never holds the secret or its cipher text."""


def open_secret(secret: Secret, key: str) -> str:
    """Return the plain text of a node password, a ``password`` option or the secret part of an ``account``.

    A text without one of ``PREFIXES`` is plain already. Raises SecretError when the rest is not hexadecimal.
    """
    text = secret.reveal()
    for prefix in PREFIXES:
        if text.startswith(prefix):
            return _decrypt(text.removeprefix(prefix), key, prefix)
    return text


def seal_for_config(text: str, key: str) -> str:
    """Return ``text`` as the ``{ENCRYPTED}`` form that the tools beside ``conf/config.ini`` read (spec section 1.9).

    Nothing else is ever written in this form: it hides a secret from a glance over the shoulder and no more.
    """
    return PREFIXES[0] + _rc4(key.encode(), text.encode()).hex()


def open_option(text: str, key: str) -> str:
    """Return the plain text of a job option's value; anything but a genuine ``{RC4}`` text stays as it is.

    Genuine means that encrypting the result would give the same digits again, so that a text that begins
    like a cipher by chance is left alone.
    """
    digits = text.removeprefix(OPTION_PREFIX)
    if digits == text or len(digits) % 2 or _NOT_HEX.search(digits):
        return text
    sealed = bytes.fromhex(digits)
    return _text(_rc4(key.encode(), sealed)) if sealed.hex() == digits else text


def open_password_key(configured: str) -> str:
    """Return the key of all other secrets from ``password.key``: plain, or sealed under the fixed master key.

    An empty setting means the key of stock installations. Raises SecretError.
    """
    return open_secret(Secret(configured), MASTER_KEY) or STOCK_PASSWORD_KEY


def _decrypt(digits: str, key: str, prefix: str) -> str:
    if not key:
        raise SecretError(f"a secret begins with {prefix} but there is no key to open it; set password_key")
    if fault := _NOT_HEX.search(digits):
        raise SecretError(
            f"a secret begins with {prefix} but its character {fault.start() + 1} after that is no hexadecimal"
            " digit; copy it again, or write the plain text without the prefix"
        )
    if len(digits) % 2:
        raise SecretError(
            f"a secret begins with {prefix} but has {len(digits)} hexadecimal digits, an odd number;"
            " the end may be cut off: copy it again"
        )
    return _text(_rc4(key.encode(), bytes.fromhex(digits)))


def _text(content: bytes) -> str:
    # Older writers used Latin-1; a Latin-1 text with umlauts is practically never valid UTF-8.
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _rc4(key: bytes, content: bytes) -> bytes:
    # The cryptography package refuses keys of the documented lengths (24, 96 bits), so the cipher stands here.
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    result = bytearray()
    i = j = 0
    for byte in content:
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        result.append(byte ^ state[(state[i] + state[j]) & 255])
    return bytes(result)

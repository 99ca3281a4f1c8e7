"""What the server keeps of a secret: of a password, of random bytes, or of an old secret file (headless 11)."""

import base64
import os
from typing import Final, Literal

from pilothouse.errors import UsageError
from pilothouse.headless import limits
from pilothouse.headless.kdf import is_secret, make_secret, secret_salt
from pilothouse.store.headless_accounts import Credential

_RANDOM: Final = 32


def from_secret(
    owner: str,
    name: str,
    secret: str,
    now: float,
    *,
    prep: Literal["none", "sha256-b64"] = "sha256-b64",
    expires: float | None = None,
    allow_from: tuple[str, ...] = (),
) -> Credential:
    """Return the record of a bcrypt string; the string itself is not in it. Raises UsageError."""
    from scramp import ScramMechanism  # noqa: PLC0415

    if not is_secret(secret):
        raise UsageError("this is no bcrypt string of a secret file")
    salt, stored, server, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(
        secret, iteration_count=limits.DEFAULT_ITERATIONS, salt=os.urandom(16)
    )
    return Credential(
        owner=owner,
        name=name,
        kdf_salt=secret_salt(secret),
        prep=prep,
        scram_salt=base64.b64encode(salt).decode(),
        iterations=iterations,
        stored_key=base64.b64encode(stored).decode(),
        server_key=base64.b64encode(server).decode(),
        created=now,
        expires=expires,
        allow_from=allow_from,
    )


def secret_of(password: str, cost: int = limits.DEFAULT_COST) -> str:
    """Return a new bcrypt string of a password."""
    import bcrypt  # noqa: PLC0415

    return make_secret(password, bcrypt.gensalt(cost).decode(), "sha256-b64")


def random_secret(cost: int = limits.DEFAULT_COST) -> str:
    """Return the bcrypt string of a password that nobody knows."""
    return secret_of(base64.b64encode(os.urandom(_RANDOM)).decode(), cost)


def secret_line(text: str) -> str:
    """Return the one line of a secret file that counts. Raises UsageError, which shows nothing of it."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if len(found) != 1 or not is_secret(found[0]):
        raise UsageError("this is not a password hash file")
    return found[0]


def file_text(secret: str, user: str, service: str, name: str) -> str:
    """Return the content of a secret file."""
    lines = ["# planta-headless secret, keep mode 0400", f"# user: {user}", f"# service: {service}"]
    if name:
        lines.append(f"# cred: {name}")
    return "\n".join([*lines, secret, ""])

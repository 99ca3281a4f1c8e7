"""Which nodes the fast path takes, and how it says that it cannot. Pure."""

from typing import Final

from pilothouse.transports.host_keys import Known
from pilothouse.transports.key_files import KeyFiles

# what libssh2 can verify; a known key of another kind would never be shown
_VERIFIED: Final = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


class MismatchError(Exception):
    """The fast path cannot serve a node; the general one is to do it.

    ``password_refused``: the server has already counted one wrong password.
    """

    def __init__(self, reason: str, *, password_refused: bool = False) -> None:
        super().__init__(reason)
        self.password_refused = password_refused


def unfit(keys: KeyFiles, password: str | None) -> str:
    """Say why the credentials are not for the fast path; empty when they are."""
    for key in keys.usable:
        if key.certificate is not None:
            return f"a certificate lies beside key {key.path}"
    if password is None and not keys.usable:
        return "there is neither a password nor a key file"
    if password is not None and "\0" in password:
        return "the password holds a NUL character"
    return ""


def algorithms(known: Known) -> list[str]:
    """Return the host key algorithms to ask for, those of known keys first; raises MismatchError."""
    if known.authorities:
        raise MismatchError("its host key is vouched for by an authority")
    kinds = dict.fromkeys(key.kind for key in (*known.own, *known.lent))
    wanted = [name for kind in kinds for name in _VERIFIED.get(kind, ())]
    if kinds and not wanted:
        raise MismatchError(f"its known host keys are of the kinds {', '.join(kinds)}")
    return list(dict.fromkeys((*wanted, *(name for names in _VERIFIED.values() for name in names))))

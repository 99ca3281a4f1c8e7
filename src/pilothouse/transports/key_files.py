"""The private keys of the runner as files: which there are, and which cannot be used and why."""

import base64
import binascii
import re
from pathlib import Path
from typing import Final

import msgspec

USUAL: Final = ("id_ed25519", "id_ecdsa", "id_rsa")
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----\s(.*?)-----END", re.DOTALL)
_OPENSSH: Final = b"openssh-key-v1\0"
# no cipher, no derivation, without options, one key: what stands between the magic word and the public half
_UNLOCKED: Final = b"\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01"


class KeyFile(msgspec.Struct, frozen=True):
    """One key that needs no passphrase; ``certificate`` is what lies beside it as ``<key>-cert.pub``.

    ``public`` is its public half as one line, where the file shows it: else it has to be worked out.
    """

    path: Path
    content: bytes
    certificate: bytes | None = None
    public: bytes | None = None


class KeyFiles(msgspec.Struct, frozen=True):
    """What was found; ``unusable`` says in words which files could not be used."""

    usable: tuple[KeyFile, ...] = ()
    unusable: tuple[str, ...] = ()


def load(identities: tuple[Path, ...]) -> KeyFiles:
    """Read the files asked for, then the usual ones in ``~/.ssh``; of those only what exists counts."""
    usual = tuple(Path("~/.ssh", name).expanduser() for name in USUAL)
    usable: list[KeyFile] = []
    unusable: list[str] = []
    for path in dict.fromkeys((*(item.expanduser() for item in identities), *usual)):
        try:
            content = path.read_bytes()
            beside = path.with_name(path.name + "-cert.pub")
            certificate = beside.read_bytes() if beside.exists() else None
        except FileNotFoundError:
            if path not in usual:
                unusable.append(f"key {path} does not exist")
        except OSError as error:
            unusable.append(f"key {path} cannot be read: {error.strerror}")
        else:
            if fault := _fault(path, content):
                unusable.append(f"key {path} {fault}")
            else:
                usable.append(KeyFile(path, content, certificate, _public(content)))
    return KeyFiles(tuple(usable), tuple(unusable))


def _fault(path: Path, content: bytes) -> str:
    """Say what is wrong with a key file, as far as that can be told without its mathematics."""
    found = _PEM.search(content)
    if found is None:
        return "is no private key: it holds no PRIVATE KEY block"
    if _is_locked(found[1], found[2]):
        return f"is locked by a passphrase and was not tried; add it to an agent: ssh-add {path}"
    return ""


def _is_locked(kind: bytes, body: bytes) -> bool:
    if kind == b"OPENSSH ":
        data = _decoded(body)
        # the cipher's name follows the magic word, with its length in front
        return data.startswith(_OPENSSH) and not data.startswith(_OPENSSH + _UNLOCKED[:8])
    return kind.startswith(b"ENCRYPTED") or b"ENCRYPTED" in body


def _public(content: bytes) -> bytes | None:
    found = _PEM.search(content)
    head, _, rest = _decoded(found[2]).partition(_OPENSSH + _UNLOCKED) if found else (b"", b"", b"")
    half = _text(rest)
    return None if head or not half else b"%b %b" % (_text(half), base64.b64encode(half))


def _text(data: bytes) -> bytes:
    """Return the text that data begin with, its length in front."""
    return data[4 : 4 + int.from_bytes(data[:4], "big")]


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        return b""

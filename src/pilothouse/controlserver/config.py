"""``conf/config.ini``: the documented dialect, read into settings and the server's address (spec section 1.9).

Plain secrets in it are replaced by their ``{ENCRYPTED}`` form, as the tools around the engine expect. That
never fails a run: a file that cannot be written stays as it is.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.controlserver.address import Server
from pilothouse.errors import SettingsError
from pilothouse.files import write_atomic
from pilothouse.jobs.secret import Secret
from pilothouse.secrets import legacy
from pilothouse.secrets.vault import Vault

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_ENTRY: Final = re.compile(r"(?P<start>\s*(?P<key>[^\s=:#;\[][^=:]*?)\s*[=:][ \t]*)(?P<value>.*?)(?P<end>\s*)")
_SEALED: Final = (*legacy.PREFIXES, "{AESGCM}")
_PASSWORDS: Final = ("server.password", "db.password")
_KEY: Final = "password.key"
_NUMBERS: Final = {"job.maxexecsecs": "operation_timeout", "rexec.connecttimeout": "connect_timeout"}

Values = Mapping[str, str]
"""The entries by their names in lower case; the sections do not matter, because no name stands in two."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says: ``settings`` by the names of `pilothouse.settings`, and the server if it names one."""

    settings: Mapping[str, Any] = {}
    server: Server | None = None


def read(path: Path, tenant: str = "none") -> Config:
    """Read the file, sealing plain secrets in it; a missing file says nothing.

    Raises SettingsError naming the file and the key.
    """
    text = _text(path)
    if text is None:
        return Config()
    values = entries(text)
    if seal(text, values) != text:
        _rewrite(path)
    try:
        return Config(settings=_settings(values, path), server=_server(values, path, tenant))
    except legacy.SecretError as error:
        raise SettingsError(f"{path}: {error}") from None


def entries(text: str) -> dict[str, str]:
    """Return the file's entries; keys count in any case, the last of several wins."""
    return {key: value for _, key, value in _parsed(text) if key}


def seal(text: str, values: Values) -> str:
    """Return the text with its plain secrets sealed; nothing else changes, comments and blanks included. Pure."""
    key = legacy.open_password_key(values.get(_KEY, ""))
    keys = {_KEY: legacy.MASTER_KEY, **dict.fromkeys(_PASSWORDS, key)}
    lines = []
    for line, name, value in _parsed(text):
        if name in keys and value and not value.startswith(_SEALED):
            entry = _ENTRY.fullmatch(line)
            sealed = legacy.seal_for_config(value, keys[name])
            lines.append(f"{entry['start']}{sealed}{entry['end']}" if entry else line)
        else:
            lines.append(line)
    return "".join(lines)


def _parsed(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield every line with its key in lower case and its value; both are empty where there is no entry."""
    for line in _LINE.findall(text):
        entry = _ENTRY.fullmatch(line)
        if entry:
            yield line, entry["key"].lower(), entry["value"]
        else:
            yield line, "", ""


def _text(path: Path) -> str | None:
    try:
        # not as text, which would lose the line ends of another system
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


def _rewrite(path: Path) -> None:
    """Seal the file's secrets under a lock of its own, so that no reader ever sees a part of it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            text = path.read_bytes().decode("utf-8")
            sealed = seal(text, entries(text))
            if sealed != text:
                # the file itself, not a link to it; its mode stays
                whole = path.resolve()
                write_atomic(whole, sealed.encode(), mode=whole.stat().st_mode & 0o777, durable=True)
        finally:
            os.close(descriptor)


def _settings(values: Values, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, name in _NUMBERS.items():
        if values.get(key):
            found[name] = _number(values[key], key, path)
    if encodings := values.get("deploy.possibleencodings"):
        others = [item for part in encodings.split(",") if (item := part.strip()) and item.upper() != "UTF-8"]
        found["encodings"] = tuple(others)
    if password_key := values.get(_KEY):
        found["password_key"] = password_key
    return found


def _server(values: Values, path: Path, tenant: str) -> Server | None:
    url = values.get("server.baseurl", "").removesuffix("/")
    if not url:
        return None
    if not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"{path}: server.baseurl is {url}; allowed: an address that begins with http:// or https://"
        )
    missing = [key for key in ("server.username", "server.password") if not values.get(key)]
    if missing:
        raise SettingsError(f"{path}: {missing[0]} is missing; server.baseurl needs it to sign requests")
    vault = Vault(values.get(_KEY, ""))
    limits = {
        field: _number(values[key], key, path)
        for key, field in (
            ("server.connecttimeout", "connect_timeout"),
            ("server.readtimeout", "read_timeout"),
            ("server.patience", "patience"),
            ("server.grace", "grace"),
        )
        if values.get(key)
    }
    ca = values.get("server.cafile")
    return Server(
        url=url,
        user=values["server.username"],
        password=Secret(vault.open(Secret(values["server.password"]))),
        tenant=tenant if tenant != "none" else values.get("tenant") or "none",
        ca=path.parent / ca if ca else None,
        **limits,
    )


def _number(text: str, key: str, path: Path) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < float("inf"):
        raise SettingsError(f"{path}: {key} is {text}; allowed: a number of seconds above 0")
    return found

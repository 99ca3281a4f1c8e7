"""The one configuration loader: defaults, then a file, then the environment, then what the caller says."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from pilothouse.errors import SettingsError

HostKeyPolicy = Literal["verify", "accept-new", "accept-any"]
NodePassword = Literal["asked", "exported"]
SshPath = Literal["auto", "general", "fast"]
ClientCertificates = Literal["off", "optional", "required"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a site can set; each name is also ``PILOTHOUSE_<NAME>`` in the environment.

    Times are seconds, sizes bytes. ``data`` is the folder of all job data (``job/`` and ``cache/`` below it), and of
    the control server's database and certificate authority unless they are named.
    """

    data: Path
    plugins: tuple[Path, ...] = ()
    known_hosts: tuple[Path, ...] = ()
    host_keys: HostKeyPolicy = "verify"
    identities: tuple[Path, ...] = ()
    connect_timeout: float = 60.0
    operation_timeout: float = 86400.0
    keepalive: float = 30.0
    concurrency: int = 200
    handshakes: int = 50
    ssh_path: SshPath = "auto"
    proxy_jump: str = ""
    encodings: tuple[str, ...] = ("GBK",)
    password_key: str = ""
    node_password: NodePassword = "asked"  # noqa: S105 - a way, no password
    runner_id: int = 1
    database: str = ""
    listen: str = "127.0.0.1:8080"
    tls_listen: str = ""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    authority: Path | None = None
    client_certificates: ClientCertificates = "optional"
    server_names: tuple[str, ...] = ()
    relay_hosts: tuple[str, ...] = ()
    allow_plain: bool = False
    public_url: str = ""
    slapos_config: Path | None = None
    request_timeout: float = 60.0
    request_limit: int = 33_554_432
    headless_listen: str = ""
    headless_tls_listen: str = ""
    headless_auth: tuple[str, ...] = ("challenge", "osuser")
    headless_python: Path | None = None
    headless_limits: tuple[str, ...] = ()
    headless_shared_account: bool = False

    @property
    def exports_passwords(self) -> bool:
        """Whether every operation on the runner gets its node's password in its environment."""
        return self.node_password == "exported"  # noqa: S105 - as above


_LISTS: Final = frozenset(
    {
        "plugins",
        "known_hosts",
        "identities",
        "encodings",
        "server_names",
        "relay_hosts",
        "headless_auth",
        "headless_limits",
    }
)
_SERVER_BOUNDS: Final = ("request_timeout", "request_limit")


def default_data(environ: Mapping[str, str]) -> Path:
    """Return where job data lives unless a setting says otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/pilothouse")
    base = environ.get("XDG_DATA_HOME") or Path(environ.get("HOME", "/")) / ".local" / "share"
    return Path(base) / "pilothouse"


def load(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    **overrides: Any,
) -> Settings:
    """Return the settings in force.

    ``path``, else ``PILOTHOUSE_CONFIG``, names a TOML file; without either the usual places are looked at.
    ``overrides`` that are None do not count. Raises SettingsError naming the file and the key.
    """
    source = _source(path, environ)
    values: dict[str, Any] = {"data": default_data(environ), **_read(source)}
    origins = dict.fromkeys(values, str(source or "settings"))
    for name in Settings.__struct_fields__:
        given = environ.get(f"PILOTHOUSE_{name.upper()}")
        if given is not None:
            values[name] = [item for item in given.split(os.pathsep) if item] if _is_list(name) else given
            origins[name] = f"the environment variable PILOTHOUSE_{name.upper()}"
    for name, value in overrides.items():
        if value is not None:
            values[name] = value
            origins[name] = "settings"
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_convert)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{_origin(str(error), origins)}: {error}") from None
    return _checked(settings, origins)


def for_processes(settings: Settings) -> dict[str, str]:
    """Return as environment what a process of the runner needs to reach machines as this one does; no secret."""
    return {
        f"PILOTHOUSE_{name.upper()}": os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str(value)
        for name in ("known_hosts", "host_keys", "identities", "connect_timeout", "keepalive")
        if (value := getattr(settings, name))
    }


def _source(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if named := environ.get("PILOTHOUSE_CONFIG"):
        return Path(named)
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config")
    for place in (home / "pilothouse" / "pilothouse.toml", Path("/etc/pilothouse/pilothouse.toml")):
        if place.is_file():
            return place
    return None


def _read(source: Path | None) -> dict[str, Any]:
    if source is None:
        return {}
    import tomllib  # noqa: PLC0415 - start-up time: most runs have no such file

    try:
        return tomllib.loads(source.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{source}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{source}: is not TOML: {error}") from None


def _is_list(name: str) -> bool:
    return name in _LISTS


def _convert(wanted: type, value: Any) -> Any:
    if wanted in {Path, Path | None} and isinstance(value, str | Path):
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f"Expected a path, got {str(value)!r} of a user without a home folder") from None
    raise ValueError(f"Expected a path, got {value!r}")


def _origin(text: str, origins: Mapping[str, str]) -> str:
    """Return where the value came from that msgspec's error text is about (``... - at `$.name```)."""
    found = re.search(r"`\$\.(\w+)|field `(\w+)`", text)
    return origins.get((found[1] or found[2]) if found else "", "settings")


def _checked(settings: Settings, origins: Mapping[str, str]) -> Settings:
    for name in ("concurrency", "handshakes", "connect_timeout", "operation_timeout", *_SERVER_BOUNDS):
        if not getattr(settings, name) > 0:  # written so that NaN is refused too
            where = origins.get(name, "settings")
            raise SettingsError(f"{where}: {name} is {getattr(settings, name)}; allowed: more than 0")
    for name in settings.encodings:
        try:
            b"-".decode(name)
        except (LookupError, ValueError):
            where = origins.get("encodings", "settings")
            raise SettingsError(f"{where}: encodings: unknown character set {name!r}") from None
    return settings

"""What a server is, besides its settings: with login or without, and what a ``slapos.cfg`` adds."""

from pathlib import Path

import msgspec


class OtherMaster(msgspec.Struct, frozen=True, kw_only=True):
    """A master that requests are forwarded to (slapos-master 6.10).

    ``software`` None means that its section names no list. ``computer`` and ``partition``: ask as that partition.
    """

    url: str
    software: tuple[str, ...] | None = None
    key: str = ""
    certificate: str = ""
    computer: str = ""
    partition: str = ""


class NetworkCache(msgspec.Struct, frozen=True, kw_only=True):
    """The network cache that is served under ``/shacache`` (5.3); off without both folders."""

    content: Path | None = None
    metadata: Path | None = None
    signing_key: Path | None = None
    upstream_cache: str = ""
    upstream_dir: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How this server differs from others of the same code.

    Without ``login`` everybody is the local administrator, as with ``slapos proxy``. ``default_computer`` is where
    requests go that name no computer; empty: wherever there is room. ``products`` maps names to releases.
    """

    login: bool = True
    default_computer: str = ""
    products: dict[str, str] = {}
    masters: tuple[OtherMaster, ...] = ()
    cache: NetworkCache = NetworkCache()
    public_folder: Path | None = None
    software_root: str = "/"
    public_url: str = ""

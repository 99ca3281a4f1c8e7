"""What a server is, besides its settings: with login or without, and what a ``slapos.cfg`` adds."""

from pathlib import Path

import msgspec

from pilothouse.services.forwarding import OtherMaster
from pilothouse.services.policy import PRODUCTION, Policy


class NetworkCache(msgspec.Struct, frozen=True, kw_only=True):
    """The network cache that is served under ``/shacache`` (slapos-master 5.3); off without both folders."""

    content: Path | None = None
    metadata: Path | None = None
    upstream_cache: str = ""
    upstream_dir: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How this server differs from others of the same code.

    Without ``login`` everybody is the local administrator, as with ``slapos proxy``. ``products`` maps names to
    releases; ``masters`` are those that requests are forwarded to. ``original`` is a database of the original proxy,
    which the first start brings over.
    """

    login: bool = True
    policy: Policy = PRODUCTION
    products: dict[str, str] = {}
    masters: tuple[OtherMaster, ...] = ()
    cache: NetworkCache = NetworkCache()
    public_folder: Path | None = None
    software_root: str = "/"
    original: Path | None = None

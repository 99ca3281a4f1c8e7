"""What the assembly decides for these doors."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes are bytes, times seconds.

    ``home`` is the product's page, to which ``/`` leads. ``external_url`` is how clients reach this server when its
    own headers do not tell, without a final slash. ``relay_hosts`` are the hosts that ``/http_proxy/`` may fetch
    from; without any there is no relay (slapos-master 5.2). ``cache_content`` and ``cache_metadata`` are the folders of
    the network cache; without both every path of it says so (5.3).
    """

    home: str = "/ui/"
    external_url: str = ""
    largest_body: int = 10 * 1024 * 1024
    largest_upload: int = 4 * 1024 * 1024 * 1024
    body_timeout: float = 30.0
    documents_kept: int = 256 * 1024 * 1024
    relay_hosts: frozenset[str] = frozenset()
    cache_content: Path | None = None
    cache_metadata: Path | None = None
    cache_upstream_content: str = ""
    cache_upstream_metadata: str = ""

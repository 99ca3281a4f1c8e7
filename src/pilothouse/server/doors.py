"""Which interfaces a server has."""

from pilothouse.server.app import Authenticate, Parts
from pilothouse.server.observing import App
from pilothouse.server.running import Doors


def doors() -> Doors:
    """Return all there are."""
    return Doors(slap=_slap)


def _slap(parts: Parts, authenticate: Authenticate) -> App:
    from pilothouse.server.api.slap.doors import create_app  # noqa: PLC0415
    from pilothouse.server.api.slap.options import Options  # noqa: PLC0415

    cache = parts.profile.cache
    options = Options(
        external_url=parts.settings.public_url.rstrip("/"),
        largest_body=parts.settings.request_limit,
        cache_content=cache.content,
        cache_metadata=cache.metadata,
        cache_upstream_content=cache.upstream_cache,
        cache_upstream_metadata=cache.upstream_dir,
    )
    return create_app(parts.store, authenticate, parts.authority, parts.clock, options)

"""Which interfaces a server has."""

from pilothouse.server.api.slap.classic_special import run_id
from pilothouse.server.api.slap.doors import create_app
from pilothouse.server.api.slap.elsewhere import Rules
from pilothouse.server.api.slap.options import Options
from pilothouse.server.app import Authenticate, Parts
from pilothouse.server.forwarder import Forwarder
from pilothouse.server.observing import App
from pilothouse.server.running import Doors


def doors() -> Doors:
    """Return all there are."""
    return Doors(slap=_slap)


def _slap(parts: Parts, authenticate: Authenticate) -> App:
    profile, url = parts.profile, parts.settings.public_url.rstrip("/")
    cache, run = profile.cache, run_id()
    options = Options(
        external_url=url,
        largest_body=parts.settings.request_limit,
        relay_hosts=frozenset(parts.settings.relay_hosts),
        cache_content=cache.content,
        cache_metadata=cache.metadata,
        cache_upstream_content=cache.upstream_cache,
        cache_upstream_metadata=cache.upstream_dir,
    )
    # with login it looks at no address that a client names: that would be a way into the network behind it
    others = Forwarder(parts.store, parts.clock, run, curious=not profile.login)
    rules = Rules(policy=profile.policy, masters=profile.masters, urls={url} if url else set())
    return create_app(
        parts.store, authenticate, parts.authority, parts.clock, options, rules=rules, others=others, run=run
    )

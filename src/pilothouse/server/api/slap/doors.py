"""Every dialect put together to one application: what the server's assembly calls."""

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.server.api.slap import classic, jsonrpc, openapi, refusals, relay, shacache
from pilothouse.server.api.slap.application import Authenticate, SlapApplication
from pilothouse.server.api.slap.calls import Desk
from pilothouse.server.api.slap.classic_special import ServerCalls, run_id
from pilothouse.server.api.slap.elsewhere import Elsewhere, Rules
from pilothouse.server.api.slap.hateoas import Hateoas
from pilothouse.server.api.slap.node_documents import NodeDocuments
from pilothouse.server.api.slap.options import Options
from pilothouse.server.api.slap.routes import Dialect, Route
from pilothouse.server.api.slap.signs_of_life import SignsOfLife
from pilothouse.store.contract import Store


def create_app(
    store: Store,
    authenticate: Authenticate,
    authority: Authority,
    clock: Clock,
    options: Options,
    *,
    rules: Rules | None = None,
    others: Elsewhere | None = None,
    run: str = "",
) -> SlapApplication:
    """Return the ASGI application of classic paths, JSON-RPC, hateoas, network cache and relay.

    ``authenticate`` is given the ASGI scope and returns who calls, or raises LoginError. ``others`` asks
    the masters of ``rules``; ``run`` is the name of this start, by which they would know it.
    """
    desk = Desk(store, authority, clock, rules, others)
    kept = NodeDocuments(store, clock, options.documents_kept)
    special = ServerCalls(kept, SignsOfLife(store, clock), run or run_id(), options.home)
    dialects = [
        Dialect(name="classic", exact={**classic.routes(desk), **special.routes()}, refuse=refusals.classic),
        Dialect(
            name="json-rpc",
            exact={**jsonrpc.routes(desk), openapi.PATH: {"GET": Route(openapi.serve, open=True)}},
            refuse=refusals.json_rpc,
        ),
        Hateoas(desk).dialect(),
        shacache.dialect(options),
    ]
    if (relayed := relay.dialect(options.relay_hosts)) is not None:
        dialects.append(relayed)
    return SlapApplication(dialects, authenticate, options)

"""Every dialect put together to one application: what the server's assembly calls."""

from pilothouse.clock import Clock
from pilothouse.identity.authority import Authority
from pilothouse.server.api.slap import classic, jsonrpc, openapi, refusals, relay, shacache
from pilothouse.server.api.slap.application import Authenticate, SlapApplication
from pilothouse.server.api.slap.calls import Desk
from pilothouse.server.api.slap.classic_special import ServerCalls, run_id
from pilothouse.server.api.slap.hateoas import Hateoas
from pilothouse.server.api.slap.node_documents import Board, NodeDocuments
from pilothouse.server.api.slap.options import Options
from pilothouse.server.api.slap.requests import Requests
from pilothouse.server.api.slap.routes import Dialect, Route
from pilothouse.store.contract import Store


def create_app(
    store: Store,
    authenticate: Authenticate,
    authority: Authority,
    clock: Clock,
    options: Options,
    board: Board | None = None,
) -> SlapApplication:
    """Return the ASGI application of classic paths, JSON-RPC, hateoas, network cache and relay.

    ``authenticate`` is given the ASGI scope and returns who calls, or raises LoginError. ``board`` tells a node's
    revision without a query, where this process is the only one that writes.
    """
    desk = Desk(store, authority, clock, options.policy)
    requests = Requests(store, options.masters)
    kept = NodeDocuments(store, clock, options.documents_kept, board)
    special = ServerCalls(kept, run_id(), options.home)
    dialects = [
        Dialect(name="classic", exact={**classic.routes(desk, requests), **special.routes()}, refuse=refusals.classic),
        Dialect(
            name="json-rpc",
            exact={**jsonrpc.routes(desk, requests), openapi.PATH: {"GET": Route(openapi.serve, open=True)}},
            refuse=refusals.json_rpc,
        ),
        Hateoas(desk).dialect(),
        shacache.dialect(options),
    ]
    if (relayed := relay.dialect(options.relay_hosts)) is not None:
        dialects.append(relayed)
    return SlapApplication(dialects, authenticate, options)

"""``pilothouse headless serve``: headless batches alone, without the control server."""

import argparse
import asyncio
import signal
import sys
from typing import Any, Final

from pilothouse import __version__
from pilothouse.cli import database
from pilothouse.settings import Settings, load

_DEFAULT: Final = "127.0.0.1:20000"
_EXAMPLES: Final = """\
examples:
  pilothouse headless serve                                plain, 127.0.0.1:20000
  pilothouse headless serve --tls-listen 0.0.0.0:20001     TLS for other machines as well

Sessions outlive this process: started again, it takes up those that still run.
"""


def add_parser(things: Any) -> None:
    """Add the command."""
    parser = things.add_parser(
        "serve",
        help="serve headless batches until TERM or Ctrl-C",
        description="Serve headless batches until TERM or Ctrl-C. What runs goes on.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help=f"plain, loopback only (default {_DEFAULT})")
    parser.add_argument("--tls-listen", metavar="ADDRESS:PORT", help="TLS (default none)")
    database.add_options(parser)
    parser.set_defaults(work=_serve)


def _serve(chosen: argparse.Namespace) -> int:
    from pilothouse.cli import server_log

    settings = load(
        chosen.config,
        data=chosen.data,
        database=chosen.database,
        headless_listen=chosen.listen,
        headless_tls_listen=chosen.tls_listen,
    )
    if not settings.headless_listen and not settings.headless_tls_listen:
        settings = load(chosen.config, data=chosen.data, database=chosen.database, headless_listen=_DEFAULT)
    with server_log.begun(None):
        return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    from pilothouse.headless.server import running
    from pilothouse.server import batches
    from pilothouse.store.database import open_store

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = running.config_of(settings)
    listeners = await asyncio.to_thread(batches.bound, settings, lambda host: _tls(settings, host))

    def started() -> None:
        _say(f"pilothouse {__version__}, headless batches")
        for each in listeners:
            _say(f"  listening  {'TLS' if each.tls else 'plain'} {each.address}")

    try:
        store = await open_store(database.database_of(settings))
        try:
            await running.serve(config, store, listeners, started, stop)
        finally:
            await store.close()
    finally:
        batches.close(listeners)
    _say("stopped; what still runs goes on")
    return 0


def _tls(settings: Settings, host: str) -> Any:
    import time

    from pilothouse.identity.authority import open_authority
    from pilothouse.server.running import authority_of, tls_of

    now = time.time()
    return tls_of(settings, open_authority(authority_of(settings), now), host, now)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

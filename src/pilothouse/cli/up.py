"""``pilothouse up``: the control server, one process and no other service."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pilothouse import __version__
from pilothouse.cli import database
from pilothouse.errors import ExitCode
from pilothouse.settings import Settings, load

if TYPE_CHECKING:
    from pilothouse.server.profile import Profile
    from pilothouse.server.running import Started

_TEXT: Final = """\
Serve the control server until TERM or Ctrl-C; running requests are finished first, unless a second signal says not to
wait. At the first start the database, the certificate authority and an administrator are made, and the administrator's
token is printed, this once.
"""
_EXAMPLES: Final = """\
examples:
  pilothouse up                                           SQLite, http://127.0.0.1:8080
  pilothouse up --tls-listen 0.0.0.0:8443                 HTTPS for other machines as well
  pilothouse up --database postgresql://me@db/pilothouse  PostgreSQL; start as many servers as you like
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(
        prog="pilothouse up",
        description=_TEXT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    database.add_options(parser)
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="plain HTTP (default 127.0.0.1:8080); '' for none")
    parser.add_argument("--tls-listen", metavar="ADDRESS:PORT", help="HTTPS (default none)")
    parser.add_argument(
        "--allow-plain",
        action="store_true",
        default=None,
        help="serve plain HTTP also where other machines can listen in",
    )
    parser.add_argument("--access-log", type=Path, metavar="FILE", help="write a JSON line for each request to it")
    return parser


def main(words: Sequence[str]) -> int:
    """Serve until told to stop."""
    from pilothouse.cli import server_log
    from pilothouse.server.profile import Profile
    from pilothouse.server.slapos_file import profile_of

    chosen = make_parser().parse_args(words)
    settings = load(
        chosen.config,
        data=chosen.data,
        database=chosen.database,
        listen=chosen.listen,
        tls_listen=chosen.tls_listen,
        allow_plain=chosen.allow_plain,
    )
    profile = profile_of(settings.slapos_config, login=True) if settings.slapos_config else Profile()
    with server_log.begun(chosen.access_log):
        return serve(settings, profile, database.database_of(settings))


def serve(settings: Settings, profile: "Profile", where: Path | str) -> int:
    """Run a server in this process until a signal."""
    return asyncio.run(_serve(settings, profile, where))


async def _serve(settings: Settings, profile: "Profile", where: Path | str) -> int:
    from pilothouse.server.doors import doors
    from pilothouse.server.running import authority_of, run

    stop, hurry = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told)

    def started(found: "Started") -> None:
        _say(f"pilothouse {__version__}")
        _say(f"  database   {_shown(where)}")
        _say(f"  authority  {authority_of(settings)}")
        _say(f"  login      {'required' if profile.login else 'none: whoever reaches this server may do everything'}")
        if found.token is not None:
            print(_welcome(found.token.reveal(), found.urls[0]), flush=True)
        for url in found.urls:
            _say(f"  listening  {url}")

    serving = asyncio.create_task(run(settings, profile, where, doors(), started, stop))
    hurried = asyncio.create_task(hurry.wait())
    try:
        await asyncio.wait([serving, hurried], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            await asyncio.wait([serving])
            _say("stopped at once; running requests were not answered")
            return ExitCode.ABORTED
        await serving
    finally:
        hurried.cancel()
    _say("stopped")
    return ExitCode.SUCCESS


def _welcome(token: str, url: str) -> str:
    return f"""
The first administrator is 'admin'. This is its token; it is shown only now:

  {token}

Use it as a header:

  curl -H 'Authorization: Bearer {token}' {url}/metrics

Lost it? Make another where the database is:  pilothouse user token admin
"""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _shown(where: Path | str) -> str:
    if isinstance(where, Path) or "://" not in where:
        return f"SQLite, {where}"
    from sqlalchemy.engine import make_url

    return make_url(where).render_as_string(hide_password=True)

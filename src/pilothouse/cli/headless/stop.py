"""``pilothouse headless stop``: end the server, and its sessions too where that is asked."""

import argparse
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

from pilothouse.cli import database, listing
from pilothouse.errors import RefusedError, UsageError

_PACE: Final = 0.1


def add_parser(things: Any) -> None:
    """Add the command."""
    parser = things.add_parser(
        "stop",
        help="stop the server; what runs goes on, unless --cancel ends it",
        description="Stop the server of headless batches that works on this data, and wait until it has ended. "
        "One that 'pilothouse up' started ends as a whole.",
    )
    parser.add_argument("--cancel", action="store_true", help="cancel every session first, and wait for their ends")
    parser.add_argument("--force", action="store_true", help="with --cancel: kill at once; else jobs may clean up")
    database.add_to_all([parser])
    parser.set_defaults(work=_stop)


def _stop(chosen: argparse.Namespace) -> int:
    from pilothouse.headless.server import seat

    data = Path(database.settings_of(chosen).data) / "headless"
    process = seat.taken_by(data)
    if process is None:
        raise UsageError(f"no server serves the batches of {data}; see --data")
    if chosen.force and not chosen.cancel:
        raise UsageError("--force belongs to --cancel")
    try:
        os.kill(process, 0)
        if chosen.cancel:
            seat.ask_to_cancel(data, "force" if chosen.force else "graceful")
        os.kill(process, signal.SIGTERM)
    except PermissionError:
        raise RefusedError(f"process {process} is another account's: stop it as root, or as that account") from None
    while seat.taken_by(data) == process:
        time.sleep(_PACE)
    left = _left(chosen)
    text = f"stopped; {left} session{'' if left == 1 else 's'} go{'es' if left == 1 else ''} on"
    return listing.said(chosen, text, {"process": process, "left": left})


def _left(chosen: argparse.Namespace) -> int:
    from pilothouse.cli.headless import records
    from pilothouse.headless.server.running import identity_of
    from pilothouse.store import headless_sessions

    service = identity_of(Path(database.settings_of(chosen).data) / "headless").service
    return len(records.read(chosen, lambda c: headless_sessions.live(c, service)))

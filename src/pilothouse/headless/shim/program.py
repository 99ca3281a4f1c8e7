"""``shim FOLDER``: detach, take the session's lock for life, run the session."""

import contextlib
import json
import os
import signal
import sys
from typing import Final

from pilothouse.headless.shim import launch
from pilothouse.headless.shim.layout import LOCK, PLAN, RESULT, Plan, without_parameters
from pilothouse.headless.shim.lock import take
from pilothouse.headless.shim.notes import write_json
from pilothouse.headless.shim.session import Session

READY: Final = b"ready\n"
_TAKEN: Final = 3


def main(folder_name: str) -> int:
    """Run a session; the first process returns once the second has taken over."""
    if os.fork():
        return 0
    os.setpgid(0, 0)
    folder = os.open(folder_name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fchdir(folder)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take(lock)
    except BlockingIOError:
        return _TAKEN
    if os.path.exists(RESULT):
        return _TAKEN  # whoever waited for this shim has given it up
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with open(PLAN, encoding="utf-8") as file:
        plan: Plan = json.load(file)
    session = Session(plan, folder, _wakeup())
    launch.adopt_orphans()
    session.start()
    _forget(plan)
    # whoever started us waits for this word, or for the end of the pipe
    with contextlib.suppress(BrokenPipeError):
        os.write(1, READY)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    session.run()
    return 0


def _forget(plan: Plan) -> None:
    """Leave no value of a parameter on the disk: the worker has them by now, and nobody else needs them."""
    kept = without_parameters(plan)
    if kept != plan and not write_json(PLAN, kept):
        with contextlib.suppress(OSError):
            os.unlink(PLAN)


def _wakeup() -> int:
    """Return a descriptor that can be read when a child has ended."""
    reader, writer = os.pipe()
    for each in (reader, writer):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reader


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""``fileops/httpget`` and ``fileops/httpput`` (spec section 8.6, 9 to 12)."""

import argparse
from pathlib import Path

from pilothouse.jobs.secret import Secret
from pilothouse.tools import program
from pilothouse.tools.copying.entries import checked, names
from pilothouse.tools.web.exchange import Login, fetch, send

_DAY = 86400.0


def get() -> int:
    """Fetch a file, and hand back its path."""
    add = _parser("Fetch a file from a web server.")
    add.add_argument("--dir", default=".")
    program.switch(add, "--mirror", "leave a file alone that is as new as the server's")
    chosen = add.parse_args()
    folder = program.work_path() / Path(checked(chosen.dir)).expanduser()
    path, carried = fetch(chosen.addr, folder, _login(chosen), mirror=chosen.mirror, seconds=chosen.timeout)
    program.say("FINE", f"{path} {'is there' if carried else 'is as new as that of the server'}")
    program.save({"filePath": str(path)})
    return 0


def put() -> int:
    """Send files, and hand back what the server says."""
    add = _parser("Send files to a web server.")
    add.add_argument("--file", required=True)
    chosen = add.parse_args()
    said = []
    for name in names(chosen.file):
        said.append(send(chosen.addr, program.work_path() / name, _login(chosen), seconds=chosen.timeout))
        program.say("FINE", f"{name} was sent")
    program.save({"uploadResponse": "\n".join(said)})
    return 0


def _parser(text: str) -> argparse.ArgumentParser:
    add = program.parser(text)
    add.add_argument("--addr", required=True)
    add.add_argument("--username", default="")
    add.add_argument("--password", default="")
    add.add_argument("--timeout", type=float, default=_DAY)
    return add


def _login(chosen: argparse.Namespace) -> Login:
    return Login(chosen.username, Secret(chosen.password))

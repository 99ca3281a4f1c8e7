"""``slapos proxy start``: the control server for one developer, without login (spec section 8.1)."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.cli.slapos import configuration
from pilothouse.cli.slapos.call import CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

if TYPE_CHECKING:
    from pilothouse.server.slapos_file import SlaposFile

_DESCRIPTION: Final = "minimalist, stand-alone SlapOS Master"
_FILE: Final = "[%(asctime)s] %(levelname)-8s %(message)s"


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_node_file(parser)
    add("-u", "--database-uri", help="URI for sqlite database")
    add("--port", help="Port to use")
    add("--host", help="Host to use")
    add("--local-software-release-root", help="Root folder of local software releases")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.cli import up
    from pilothouse.cli.server_log import begun
    from pilothouse.cli.slapos.proxy_database import original_of, place_of
    from pilothouse.server import slapos_file
    from pilothouse.server.listen import Address, is_loopback
    from pilothouse.settings import load

    path = Path(configuration.node_path(chosen.cfg))
    file = slapos_file.read(path)
    given = {name: getattr(chosen, name) for name in ("database_uri", "port", "host", "local_software_release_root")}
    file = file._replace(values={**file.values, **{name: text for name, text in given.items() if text}})
    database = place_of(_needed(file, "database_uri", "database-uri is required."))
    computer = _needed(file, "computer_id", f"{path}: computer_id is required.")
    where = Address(file.get("host") or "127.0.0.1", _port(_needed(file, "port", f"{path}: port is required.")))
    log = logging.getLogger("slapos")
    if not is_loopback(where.host):
        log.warning("Whoever reaches %s may do everything here: there is no login.", where.host)
    settings = msgspec.structs.replace(
        load(environ={}, data=database.parent),
        listen=f"[{where.host}]:{where.port}" if ":" in where.host else f"{where.host}:{where.port}",
        tls_listen="",
        allow_plain=True,
        authority=database.with_name(f"{database.name}.ca"),
    )
    _log_to(log, file.get("log_file"))
    log.info("Serving computer %s from %s", computer, database)
    original = original_of(file.get("database_uri"))
    if original is not None:
        log.info("%s is a database of the original; it stays as it is, ours has what it holds.", original)
    profile = msgspec.structs.replace(slapos_file.profile(file, login=False), original=original)
    with begun(None):
        return up.serve(settings, profile, database)


def _needed(file: "SlaposFile", name: str, text: str) -> str:
    if value := file.get(name):
        return value
    raise CommandError(text, f"Give it on the command line, or in the section [slapproxy] of {file.path}.")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise CommandError(f"port is {text!r}.", "Give a number, such as 5000.")
    return int(text)


def _log_to(log: logging.Logger, path: str) -> None:
    """Log to the configuration's file, unless the command line named one."""
    if path and not any(isinstance(handler, logging.FileHandler) for handler in log.handlers):
        handler = logging.FileHandler(Path(path).expanduser(), encoding="utf-8")
        handler.setFormatter(logging.Formatter(_FILE))
        log.addHandler(handler)


COMMAND: Final = Entry(_DESCRIPTION, _arguments, _run)

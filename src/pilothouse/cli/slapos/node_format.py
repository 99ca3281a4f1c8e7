"""``slapos node format``: divides this machine into partitions (node spec, section 6)."""

import argparse
import logging
from pathlib import Path
from typing import Final

from pilothouse.cli.slapos import node_pass
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.options import add_node_file

_HOUR: Final = 3600.0
_OPTIONS: Final = (
    *("computer_xml", "computer_json", "input_definition_file", "output_definition_file"),
    *("alter_user", "alter_network"),
)
_log = logging.getLogger("slapos")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_node_file(parser)
    add("-x", "--computer_xml", help="Path to file with computer's XML. If does not exists, will be created")
    add("--computer_json", help="Path to a JSON version of the computer's XML (for development only)")
    add("-i", "--input_definition_file", help="Path to file to read definition of computer")
    add("-o", "--output_definition_file", help="Path to file to write definition of computer")
    add("--alter_user", choices=["True", "False"], help="Shall slapformat alter user database")
    add("--alter_network", choices=["True", "False"], help="Shall slapformat alter network configuration")
    add("--now", action="store_true", help="Launch slapformat without delay")
    add("-n", "--dry_run", action="store_true", help="Don't actually do anything")
    add("-c", "--console", help="Console output (obsolete)")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import format as formatting
    from pilothouse.node.configuration import Reader
    from pilothouse.node.shape import shape

    path, sections = node_pass.sections_of(chosen.cfg)
    if node_pass.is_refused(root_check=Reader(path, sections, {}).boolean("root_check", default=True)):
        return node_pass.NO_ROOT
    # what is wrong with the rest of the file shall stand in the log as well
    if log := Reader(path, sections, {}, ("slapformat", "slapos")).file("log_file"):
        _log_to(log)
    asked = shape(path, sections, {name: getattr(chosen, name) for name in _OPTIONS}, dry=chosen.dry_run)
    if not chosen.now:
        _wait()
    return formatting.run(asked, dry=chosen.dry_run)


def _log_to(path: str) -> None:
    """Log to the configuration's file, unless the command line named one."""
    if any(isinstance(handler, logging.FileHandler) for handler in _log.handlers):
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-8s %(message)s"))
    _log.addHandler(handler)


def _wait() -> None:
    import random
    import time

    seconds = random.uniform(0, _HOUR)  # noqa: S311 - spreads load
    _log.info("Sleeping for %d seconds. To disable this feature, use --now parameter in manual.", seconds)
    time.sleep(seconds)


COMMAND: Final = Entry(
    "create users, partitions and network configuration",
    _arguments,
    _run,
    "examples:\n  slapos node format --now\n  slapos node format --now --dry_run --verbose\n\n"
    "exit codes: 0 done, 1 failed, 2 done, but the master could not be told",
)

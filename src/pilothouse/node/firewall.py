"""The firewall of the machine, by firewalld: its daemons, and the rules of partitions (node spec, 3.4, 8.14 and 24)."""

import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.files import write_atomic
from pilothouse.node import decision, firewall_rules, locks, reading, supervision, supervisord
from pilothouse.node.configuration import Configuration, Reader
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_SECTION: Final = "firewall"
_FILE: Final = ".slapos-firewalld-rules"
_DAEMONS: Final = (
    ("dbus", "dbus_executable", "dbus_log_file"),
    ("firewall", "firewall_executable", "log_file"),
)
_PRIORITIES: Final = {"dbus": 1, "firewall": 5}


class Firewall(msgspec.Struct, frozen=True, kw_only=True):
    """Section ``firewall`` of ``slapos.cfg``; ``daemons`` are name, command line and log."""

    command: tuple[str, ...]
    reload: tuple[str, ...]
    daemons: tuple[tuple[str, str, Path], ...] = ()
    sources: str = ""


def of(config: Configuration) -> Firewall | None:
    """Return what is configured, None for no firewall. Raises ConfigurationError."""
    if _SECTION not in config.sections:
        return None
    reader = Reader(config.path, config.sections, {}, (_SECTION,))
    command = _words(reader, "firewall_cmd") or ("firewall-cmd",)
    restart = (sys.executable, "-m", "pilothouse.cli.slapos.main", "node", "restart", "--cfg", config.path, "firewall")
    daemons = [
        (name, program, Path(reader.text(log) or f"/var/log/{name}.log"))
        for name, key, log in _DAEMONS
        if (program := reader.text(key)) and not reader.flag("testing")
    ]
    return Firewall(
        command=command,
        # a firewalld that is not ours cannot be restarted by our supervisord
        reload=_words(reader, "reload_config_cmd") or (restart if daemons else (*command, "--reload")),
        daemons=tuple(daemons),
        sources=reader.text("authorized_sources") or "",
    )


def _words(reader: Reader, name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(reader.text(name) or ""))
    except ValueError as error:
        raise reader.wrong(name, f"{name} is no command line: {error}") from None


def declare(config: Configuration, node: NodePlace, supervisor: Supervisor) -> None:
    """Have supervisord run the daemons that are configured, and no others. Raises SupervisionError."""
    asked = of(config)
    wanted = {name: (command, log) for name, command, log in (asked.daemons if asked else ())}
    for name, priority in _PRIORITIES.items():
        path = node.group_file(name)
        if name in wanted:
            command, log = wanted[name]
            supervisord.written(path, supervision.daemon_text(name, command, log, "", priority, root=True))
            supervisord.align(node, supervisor, name)
        elif path.exists():
            supervisord.stop_group(node, supervisor, name)


def follow(one: "Partition") -> None:
    """Give a partition the rules that it is to have. Raises NodeError when a command fails, SlapException."""
    asked = of(one.config)
    if asked is None:
        return
    wanted: list[str] = []
    if one.wanted.state != decision.DESTROYED:
        found = firewall_rules.traffic(
            one.wanted.parameters, one.wanted.filters, one.wanted.partition.getFullHostingIpAddressList(), asked.sources
        )
        for text in found.ignored:
            _log.warning("IP/Network address %s is not valid. ignored..", text)
        wanted = firewall_rules.rules(found)
    with locks.held(one.node.run, _SECTION):
        _apply(one, asked, wanted)


def _apply(one: "Partition", asked: Firewall, wanted: list[str]) -> None:
    path = one.place.folder / _FILE
    known = recorded(path)
    former = known or []
    changed = [rule for rule in former if rule not in wanted and _removed(asked, rule)]
    # a rule that was lost with the firewall's own configuration is not in its record, so each is asked for
    changed += [rule for rule in wanted if _added(asked, rule)]
    if changed or former != wanted:
        # before the record says so: a pass that is killed in between does it again
        reload(asked)
    if known is None or known != wanted:
        write_atomic(path, json.dumps(wanted).encode())


def recorded(path: Path) -> list[str] | None:
    """Return the rules that were made for a partition, None when nothing is recorded.

    The partition's user may replace the file by one of its own, which says nothing.
    """
    try:
        found = json.loads(reading.content(path, owner=os.geteuid()) or b"null")
    except (OSError, ValueError):
        return None
    if not isinstance(found, list):
        return None
    return [one for one in found if firewall_rules.is_rule(one)]


def _added(asked: Firewall, rule: str) -> bool:
    if _has(asked, rule):
        return False
    succeed(asked, shlex.split(rule))
    return True


def _removed(asked: Firewall, rule: str) -> bool:
    if not _has(asked, rule):
        return False
    succeed(asked, _other(rule, "--remove-rule"))
    return True


def _has(asked: Firewall, rule: str) -> bool:
    return answer(asked, _other(rule, "--query-rule"))


def _other(rule: str, option: str) -> list[str]:
    return [option if word == "--add-rule" else word for word in shlex.split(rule)]


def answer(asked: Firewall, words: Sequence[str]) -> bool:
    """Ask the firewall; raises NodeError when it says neither yes nor no."""
    status, said = _run([*asked.command, *words])
    last = said.splitlines()[-1:]
    if last not in (["yes"], ["no"]):
        raise NodeError(f"{shlex.join([*asked.command, *words])} ended with {status}: {said}")
    return last == ["yes"]


def succeed(asked: Firewall, words: Sequence[str]) -> None:
    """Change the firewall; raises NodeError unless it says success."""
    status, said = _run([*asked.command, *words])
    if status or said.splitlines()[-1:] != ["success"]:
        raise NodeError(f"{shlex.join([*asked.command, *words])} ended with {status}: {said}")


def reload(asked: Firewall) -> None:
    """Make what was changed last take effect. Raises NodeError."""
    status, said = _run(asked.reload)
    if status:
        raise NodeError(f"reload_config_cmd {shlex.join(asked.reload)} ended with {status}: {said}")


def _run(words: Sequence[str]) -> tuple[int, str]:
    _log.debug("Calling: %s", shlex.join(words))
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise NodeError(f"{shlex.join(words)} cannot be run: {error}; see section [firewall]") from error
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()

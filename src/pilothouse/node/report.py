"""``slapos node report``: what was used is told to the master, and destroyed partitions are emptied (node spec, 16)."""

import logging
import os
from pathlib import Path

from pilothouse.node import decision, instance, managers, master, supervisord
from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import InstancePlace
from pilothouse.node.partition import Partition
from pilothouse.node.supervisor_rpc import Supervisor

_log = logging.getLogger("slapos")


def run(config: Configuration) -> int:
    """Report and destroy; returns the exit code. Raises SlapException when the master is away."""
    config.need_roots()
    helpers = managers.load(managers.setting_of(config), config.manager_list)
    node = supervisord.prepare(config)
    supervisor = Supervisor(node.socket)
    if not config.forbid_supervisord_automatic_launch:
        supervisor = supervisord.launch(node)
    _log.info("Aggregating and sending usage reports...")
    machine = master.computer(config)
    wanted = instance.filtered(config, master.partitions(machine), ())
    partitions = [
        Partition(config, one, InstancePlace(config.instance_root, one.name), node, supervisor) for one in wanted
    ]
    good, unsent = True, None
    if any(_holds_something(folder) for folder in _places(config, partitions)):
        from pilothouse.node import consumption  # noqa: PLC0415 - most passes have nothing to report

        good, unsent = consumption.told(config, machine, partitions)
    gone = [one for one in partitions if one.wanted.state == decision.DESTROYED and one.place.name != unsent]
    if gone:
        from pilothouse.node import ending  # noqa: PLC0415 - once in a partition's life

        ended = [ending.ended(one, helpers) for one in gone]
        good = good and all(ended)
    _log.info("Finished usage reports.")
    return int(not good)


def _places(config: Configuration, partitions: list[Partition]) -> list[str]:
    """Return where scripts and reports may lie."""
    common = f"{config.instance_root}/var/xml_report"
    found = [f"{common}/{config.computer_id}"]
    for one in partitions:
        folder: Path = one.place.folder
        found += [f"{folder}/etc/report", f"{folder}/var/xml_report", f"{common}/{one.place.name}"]
    return found


def _holds_something(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))  # noqa: PTH208 - asked three times for every partition
    except OSError:  # whatever a user has put there: one partition never stops the others
        return False

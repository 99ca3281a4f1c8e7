"""One pass over the promises of all started instances (node spec, section 14)."""

import logging
import os
from typing import Final

from pilothouse.node import checking, decision, instance, master
from pilothouse.node.checking import Examination
from pilothouse.node.configuration import Configuration
from pilothouse.node.crew import Crew
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import InstancePlace, SoftwarePlace
from pilothouse.node.master import Wanted

_log: Final = logging.getLogger("slapos")
FAILED: Final = 2
_RULE: Final = "=" * 80


def run(config: Configuration) -> int:
    """Check the promises; returns 2 when one failed or could not be run, else 0.

    Nothing is sent to the master. Raises SlapException when it cannot be asked, NodeError for unknown partitions.
    """
    _log.info("Processing promises...")
    listed = master.partitions(master.computer(config))
    instance.known(listed, config.only_cp)
    wanted = instance.filtered(config, listed, config.only_cp)
    failures: dict[str, str] = {}

    def work(one: Wanted) -> None:
        if text := _checked(config, one):
            failures[one.name] = text

    Crew(wanted, work, 2 * (os.cpu_count() or 1)).run()
    if not failures:
        return 0
    _log.info("Finished computer partitions.")
    _log.info(_RULE)
    _log.info("Error with promises for the following partitions:")
    for one in wanted:
        if one.name in failures:
            _log.info("  %s[%s]: %s", one.name, one.software_type, failures[one.name])
    return FAILED


def _checked(config: Configuration, wanted: Wanted) -> str | None:
    place = InstancePlace(config.instance_root, wanted.name)
    _log.info("Processing Promises for Computer Partition %s.", place.name)
    _log.info("  Software URL: %s", wanted.url)
    _log.info("  Software path: %s", SoftwarePlace(config.software_root, wanted.url).folder if wanted.url else None)
    _log.info("  Instance path: %s", place.folder)
    if wanted.state != decision.STARTED:
        return None
    try:
        examination = Examination(anomaly=False, forced=True, seconds=config.promise_timeout)
        failure = checking.failure(config, place, wanted, examination)
    except NodeError as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001 - one partition never stops the others
        _log.exception("Problem while reporting error, continuing:")
        return str(error) or type(error).__name__
    if failure:
        _log.error("%s", failure)
    return failure

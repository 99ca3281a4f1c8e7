"""Partitions that are to go: stopped, waited for, emptied, and the master told (node spec, section 16.6)."""

import logging
import time
import traceback

from pilothouse.node import certificates, deployment, destruction, locks, reading
from pilothouse.node.managers import Managers
from pilothouse.node.partition import Partition
from pilothouse.slap.client import HTTPError, NotFoundError, ServerError, SlapException

_log = logging.getLogger("slapos")


def ended(one: Partition, helpers: Managers) -> bool:
    """Destroy a partition and tell the master; what goes wrong is told as well, and stops no other."""
    try:
        with locks.held(one.node.run, one.place.name):
            _end(one, helpers)
    except (KeyboardInterrupt, SystemExit):
        one.wanted.partition.error(traceback.format_exc(), _log)
        raise
    except Exception:  # noqa: BLE001 - one partition never stops the others
        text = traceback.format_exc()
        _log.exception("%s cannot be destroyed", one.place.name)
        one.wanted.partition.error(text, _log)
        return False
    return True


def _end(one: Partition, helpers: Managers) -> None:
    remote = one.wanted.partition
    deployment.stop(one)
    certificates.update(one.config, one.place, one.wanted)
    try:
        remote.stopped()
    except SlapException as error:
        _log.warning("The master could not be told that %s is stopped: %s", one.place.name, error)
    helpers.report(one)
    if _is_waited_for(one):
        _log.info("There are running processes into the partition, wait until they finish...")
        return
    if destruction.destroy(one, time.time()):
        try:
            remote.destroyed()
        except (NotFoundError, ServerError, HTTPError) as error:
            _log.debug("The master does not hear of the end of %s: %s", one.place.name, error)


def _is_waited_for(one: Partition) -> bool:
    names = set((reading.text(one.place.folder / ".slapos-report-wait-service-list") or "").split())
    if not names:
        return False
    # the partition's user may have written the list, so programs of others are not waited for
    own = f"{one.place.name}-"
    return any(
        f"{program['group']}:{program['name']}" in names
        and program["group"].startswith(own)
        and program["statename"] in {"RUNNING", "STARTING"}
        for program in one.supervisor.call("getAllProcessInfo")
    )

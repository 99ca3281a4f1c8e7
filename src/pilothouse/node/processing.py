"""One partition brought to what the master wants; the master is told (node spec, sections 11.4 to 11.8)."""

import logging

from pilothouse.files import write_atomic
from pilothouse.node import certificates, checking, decision, deployment, firewall, identity, passlog, reading
from pilothouse.node.errors import NodeError, PromiseFailure
from pilothouse.node.partition import Partition
from pilothouse.slap.client import NotFoundError, SlapException

_log = logging.getLogger("slapos")


def process(one: Partition, *, stops: bool) -> None:
    """Process a partition; ``stops`` is --force-stop. Raises PromiseFailure, NodeError, SlapException, OSError."""
    place, wanted = one.place, one.wanted
    place.transaction.unlink(missing_ok=True)
    place.timestamp.unlink(missing_ok=True)
    owner = identity.owner_of(place.folder)
    with passlog.attached(passlog.open_below(place.folder, (".slapgrid", "log", "instance.log"), owner)):
        _introduce(one)
        try:
            certificates.update(one.config, place, wanted)
            _log.info("  Instance status: %s", wanted.state)
            place.error_log.unlink(missing_ok=True)
            _act(one, stops=stops)
        except PromiseFailure:
            raise
        except Exception as error:
            write_atomic(place.error_log, str(error).encode())
            if wanted.state == decision.STARTED and not stops:
                _look_again(one)
            raise
        if wanted.timestamp is not None and not (stops and wanted.state == decision.STARTED):
            write_atomic(place.timestamp, wanted.timestamp.encode(), durable=True)


def _introduce(one: Partition) -> None:
    software = one.software
    _log.info("Processing Computer Partition %s.", one.place.name)
    _log.info("  Software URL: %s", one.wanted.url)
    _log.info("  Software path: %s", software.folder if software else None)
    _log.info("  Instance path: %s", one.place.folder)


def _act(one: Partition, *, stops: bool) -> None:
    wanted = one.wanted
    if wanted.state == decision.STARTED:
        deployment.install(one)
        if stops:
            deployment.stop(one)
            firewall.follow(one)
        else:
            deployment.start(one)
            firewall.follow(one)
            if text := checking.failure_of(one, anomaly=False):
                raise PromiseFailure(text)
            wanted.partition.started()
        _send_transaction(one)
    elif wanted.state == decision.STOPPED:
        try:
            deployment.install(one)
            firewall.follow(one)
        finally:
            deployment.stop(one)
        _tell_stopped(one)
        _send_transaction(one)
    elif wanted.state == decision.DESTROYED:
        deployment.stop(one)
        firewall.follow(one)
        _tell_stopped(one)
    else:
        raise NodeError(f"Computer Partition {one.place.name!r} has unsupported state: {wanted.state}")


def _look_again(one: Partition) -> None:
    """Look at whatever still runs after a failure, so that what is known of it is fresh."""
    try:
        checking.failure_of(one, anomaly=False)
    except (NodeError, OSError) as error:  # why the processing failed is what counts
        _log.warning("%s", error)


def _tell_stopped(one: Partition) -> None:
    try:
        one.wanted.partition.stopped()
    except SlapException as error:
        _log.warning("The master could not be told that %s is stopped: %s", one.place.name, error)


def _send_transaction(one: Partition) -> None:
    """Tell the master what the instance still requests; it ends the rest."""
    text = reading.text(one.place.transaction)
    if text is None:
        return
    names = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        one.wanted.partition.setComputerPartitionRelatedInstanceList(names)
    except NotFoundError as error:
        _log.warning("The master does not take the list of requested instances: %s", error)

"""Instances that are looked at: by their promises, whoever asks (node spec, sections 11.6 and 13)."""

import logging
import os
from typing import NamedTuple

from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import InstancePlace
from pilothouse.node.master import Wanted
from pilothouse.node.partition import Partition

_log = logging.getLogger("slapos")


class Examination(NamedTuple):
    """How promises are run: ``anomaly`` or test; ``forced`` heeds no periodicity; ``seconds`` for each of them."""

    anomaly: bool
    forced: bool
    seconds: int


def failure(config: Configuration, place: InstancePlace, wanted: Wanted, examination: Examination) -> str | None:
    """Return what a promise of the partition fails with, None when all hold or there are none."""
    if not _has_promises(place):
        return None
    from pilothouse.node import promises  # noqa: PLC0415 - most passes have nothing to look at

    _log.info("Checking %s promises...", place.name)
    return promises.check(config, place, wanted, examination)


def failure_of(one: Partition, *, anomaly: bool) -> str | None:
    """Return what a promise fails with in a pass: as a test after a processing, as an anomaly later, when due."""
    examination = Examination(anomaly=anomaly, forced=not anomaly, seconds=one.config.promise_timeout)
    return failure(one.config, one.place, one.wanted, examination)


def is_needed(one: Partition) -> bool:
    """Whether there is anything to look at or to tell of a partition that is up to date."""
    return _is_failing(one.wanted.access_status) or _has_promises(one.place)


def check(one: Partition) -> None:
    """Look at a partition that is up to date; the master hears of what changed."""
    status = one.wanted.access_status
    text = failure_of(one, anomaly=True)
    if text:
        _log.error("%s", text)
    if _is_failing(status) == bool(text) and status is not None:
        return
    from pilothouse.node import certificates  # noqa: PLC0415 - most passes have nothing to tell

    certificates.update(one.config, one.place, one.wanted)
    if text:
        one.wanted.partition.error(text, _log)
    else:
        one.wanted.partition.started()


def _is_failing(status: str | None) -> bool:
    """Whether the master takes the instance for failing, or does not say."""
    return status is None or status.startswith("#error")


def _has_promises(place: InstancePlace) -> bool:
    return any(_has_files(f"{place.folder}/etc/{name}") for name in ("promise", "plugin"))


def _has_files(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))  # noqa: PTH208 - asked for every partition in every pass
    except OSError:  # whatever its user has put there: one partition never stops the others
        return False

"""The door to promises: what holds of a partition, whoever examines it (node spec, section 13)."""

import importlib
import logging
from typing import Any, Protocol

import msgspec

from pilothouse.node.configuration import Configuration
from pilothouse.node.layout import InstancePlace
from pilothouse.node.master import Wanted

_log = logging.getLogger("slapos")


class Examination(msgspec.Struct, frozen=True):
    """How promises are run: ``anomaly`` or test; ``forced`` heeds no periodicity; ``seconds`` for each of them."""

    anomaly: bool
    forced: bool
    seconds: int


class Examiner(Protocol):
    """What ``pilothouse.node.promises`` offers as ``check``; returns the text of the first failure, or None."""

    def __call__(
        self, config: Configuration, place: InstancePlace, wanted: Wanted, examination: Examination, /
    ) -> str | None:
        """Examine a partition."""


def failure(config: Configuration, place: InstancePlace, wanted: Wanted, examination: Examination) -> str | None:
    """Return what a promise of the partition fails with, None when all hold or there are none."""
    if not any(_has_files(place, name) for name in ("promise", "plugin")):
        return None
    try:
        module: Any = importlib.import_module("pilothouse.node.promises")
    except ModuleNotFoundError:
        _log.debug("No promises are checked.")
        return None
    _log.info("Checking %s promises...", place.name)
    check: Examiner = module.check
    return check(config, place, wanted, examination)


def _has_files(place: InstancePlace, name: str) -> bool:
    folder = place.folder / "etc" / name
    return folder.is_dir() and any(folder.iterdir())

"""The heating test: how warm all processors make the machine (node spec 17.11).

It runs once in each time the machine is up, after a day. Which models give their heat away usefully is not known
here, so the ratio that goes with a result is -1, "unknown".
"""

import calendar
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.clock import Clock
from pilothouse.node import collect_store, locks
from pilothouse.node.errors import NodeError

if TYPE_CHECKING:
    from pilothouse.node.collect import Plan

_log: Final = logging.getLogger("slapos")
_FORM: Final = "%Y-%m-%d %H:%M:%S"
_DAY: Final = 86400
_STEP: Final = 60.0  # seconds between two looks at the sensor
_LONGEST: Final = 3600.0
_UNKNOWN: Final = -1
# whatever else the machine does goes first; it ends with whoever started it, however that ends
_BURN: Final = "import os\nos.nice(19)\nparent = os.getppid()\nwhile os.getppid() == parent:\n  sum(range(100000))\n"


class Warmth(msgspec.Struct, frozen=True):
    """Temperatures in degrees Celsius before and at the end, and the seconds in between."""

    initial: float
    final: float
    seconds: float


def is_due(uptime: float, last: float | None) -> bool:
    """Whether the test is to be made; ``last`` is how long ago it was made, in seconds like ``uptime``. Pure."""
    return uptime > _DAY and (last is None or last > uptime)


def run(plan: "Plan", clock: Clock, uptime: float, sleep: Callable[[float], None]) -> None:
    """Make the test if it is due and nobody else is making it. Raises NodeError without the sensor, OSError."""
    if not is_due(uptime, _ago(plan, clock)):
        return
    with locks.alone(plan.pid_folder, "heating") as mine:
        # nothing of the database is held meanwhile, since passes of the next minutes measure as usual
        if mine and is_due(uptime, _ago(plan, clock)):
            _log.info("Testing how warm the machine becomes...")
            found = measure(partial(_temperature, plan.sensor_id), sleep, os.cpu_count() or 1)
            result = (plan.model_id, plan.sensor_id, found.initial, found.final, found.seconds, _UNKNOWN)
            date, moment = time.strftime(_FORM, time.gmtime(clock.time())).split()
            with collect_store.opened(plan.data / "collector.db") as store:
                store.add("heating", [result], date, moment)


def _ago(plan: "Plan", clock: Clock) -> float | None:
    with collect_store.opened(plan.data / "collector.db") as store:
        moment = store.newest("heating")
    return None if moment is None else clock.time() - calendar.timegm(time.strptime(moment, _FORM))


def _temperature(sensor: str | None) -> float:
    from pilothouse.node import collect_samples  # noqa: PLC0415 - it loads psutil

    found = {str(row[0]): row[1] for row in collect_samples.temperatures()}
    if sensor not in found:
        names = ", ".join(sorted(found)) or "none"
        raise NodeError(f"heating_sensor_id = {sensor} is no sensor of this machine; there are: {names}")
    return float(found[sensor] or 0)


def measure(read: Callable[[], float], sleep: Callable[[float], None], workers: int) -> Warmth:
    """Load so many processors until the temperature stops rising, an hour at most. Raises what ``read`` raises."""
    initial = warmest = read()
    passed = 0.0
    with _loaded(workers):
        while passed < _LONGEST:
            sleep(_STEP)
            passed += _STEP
            now = read()
            if now <= warmest:
                break
            warmest = now
    return Warmth(initial, warmest, passed)


@contextlib.contextmanager
def _loaded(workers: int) -> Iterator[None]:
    with contextlib.ExitStack() as started:
        for _ in range(workers):
            one = started.enter_context(subprocess.Popen([sys.executable, "-I", "-c", _BURN], stdin=subprocess.DEVNULL))
            started.callback(one.kill)
        yield

"""What ``slapos`` commands take to start and to do next to nothing, ours beside the original's."""

import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.originals import slapos

from benchmarks import measure
from benchmarks.measure import Order
from benchmarks.server import calls
from benchmarks.server.masters import Proxy, prepare
from benchmarks.server.processes import ServerError
from benchmarks.server.results import Start

BARE: Final = "python -c pass"
OURS: Final = "ours"
ORIGINAL: Final = "original"
_LIMIT: Final = 60.0
_INSTANCES: Final = 10


def starts(bin_folder: Path, folder: Path, runs: int, told: Callable[[Start], None]) -> None:
    """Measure every command in turns, against one proxy of ours. Raises ServerError."""
    proxy = Proxy(folder, bin_folder)
    try:
        prepare(proxy, 2 * _INSTANCES)
        proxy.fill(0, _INSTANCES)
        config = folder / "client.cfg"
        url = f"http://127.0.0.1:{proxy.target.port}"
        config.write_text(f"[slapos]\nmaster_url = {url}/\nmaster_rest_url = {url}/hateoas\n")
        for name, by in _commands(bin_folder, config).items():
            used: dict[str, list[float]] = {whose: [] for whose in by}
            for _ in range(runs + 1):  # the first one of each fills caches and is not counted
                for whose, argv in by.items():
                    used[whose].append(_run(argv, folder))
            for whose, values in used.items():
                counted = values[1:]
                told(Start(name, whose, statistics.median(counted), max(counted), runs))
    finally:
        proxy.stop()


def _commands(bin_folder: Path, config: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    ours, theirs = str(bin_folder / "slapos"), str(slapos().program("slapos"))
    found: dict[str, dict[str, tuple[str, ...]]] = {
        BARE: {OURS: (sys.executable, "-c", "pass"), ORIGINAL: (str(slapos().python), "-c", "pass")}
    }
    lines = {
        "slapos --help": ("--help",),
        "slapos service list": ("service", "list", "--cfg", str(config)),
        "slapos computer list": ("computer", "list", "--cfg", str(config)),
        "slapos request": ("request", "--cfg", str(config), "t0", calls.RELEASE),
    }
    for name, words in lines.items():
        found[name] = {OURS: (ours, *words), ORIGINAL: (theirs, *words)}
    found["autoexec --help"] = {OURS: (str(bin_folder / "autoexec"), "--help")}
    return found


def _run(argv: tuple[str, ...], folder: Path) -> float:
    environ = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"}
    order = Order(argv, environ, str(folder), _LIMIT)
    measured = measure.run(order)
    if measured.exit_code != 0:
        raise ServerError(f"{' '.join(argv)} ended with {measured.exit_code}:\n{order.stderr.read_text()[-1000:]}")
    return measured.cpu

"""What the figures were measured on. No host names, no paths."""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.records import Record

_ROUNDS: Final = 400_000


def describe() -> list[tuple[str, str]]:
    """Return processor, memory, kernel and the versions that matter."""
    return [
        ("Processor", f"{os.cpu_count()} cores, {_after('/proc/cpuinfo', 'model name') or platform.machine()}"),
        ("Memory", f"{_memory_gib():.0f} GiB"),
        ("System", f"{_system()}, Linux {platform.release()}"),
        ("OpenSSH", _openssh()),
        ("Python", platform.python_version()),
        ("Load before the run", f"{os.getloadavg()[0]:.1f}"),
    ]


def noise(records: list[Record]) -> tuple[str, str]:
    """Say how much neighbours disturbed: the least and greatest time of the same piece of work."""
    times = sorted(record.calibration_ms for record in records if record.calibration_ms)
    if not times:
        return ("Noise", "not measured")
    middle = times[len(times) // 2]
    text = (
        f"a fixed piece of Python took {times[0]:.0f} to {times[-1]:.0f} ms of CPU around the runs, {middle:.0f} mostly"
    )
    return ("Noise", text)


def calibration() -> float:
    """Return the CPU milliseconds of a fixed piece of Python."""
    started = time.thread_time()
    total = 0
    for number in range(_ROUNDS):
        total += number * number & 7
    return 1000 * (time.thread_time() - started)


def _memory_gib() -> float:
    words = _after("/proc/meminfo", "MemTotal").split()
    return int(words[0]) / 1024 / 1024 if words else 0.0


def _after(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _openssh() -> str:
    try:
        done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "missing"
    return done.stderr.strip().partition(",")[0]

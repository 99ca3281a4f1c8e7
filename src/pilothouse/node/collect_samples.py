"""What a machine and its partitions' users use at this moment, by psutil (node spec 17.5, 17.6)."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from typing import Final

import msgspec
import psutil

from pilothouse.node.collect_store import Row

_READING: Final = re.compile(
    r"^(?P<name>[^:\n]+):\s+\+?(?P<now>-?[\d.]+)\s*°?C(?:.*?high\s*=\s*\+?(?P<high>-?[\d.]+))?"
    r"(?:.*?crit\s*=\s*\+?(?P<crit>-?[\d.]+))?"
)


class Sample(msgspec.Struct, frozen=True):
    """Rows by table, without their moment."""

    user: list[Row]
    system: Row
    computer: Row
    disk: list[Row]
    temperature: list[Row]


def taken(users: frozenset[str], seconds: float) -> Sample:
    """Measure for so many seconds. Raises psutil.AccessDenied without the rights to look at the users' processes."""
    processes = [process for process in psutil.process_iter(["username"]) if process.info["username"] in users]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.cpu_percent()  # what it used since is asked for below
    idle = psutil.cpu_times_percent(interval=seconds).idle
    rows = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            rows.append(_process(process))
    return Sample(rows, _system(100 - idle), _computer(), _disks(), temperatures())


def _process(process: psutil.Process) -> Row:
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
        return (
            process.info["username"],
            process.pid,
            f"{process.pid}-{process.create_time()}",
            process.cpu_percent(),
            times.user + times.system,
            process.num_threads(),
            process.memory_percent(),
            memory.rss,
            *_transfers(process),
        )


def _transfers(process: psutil.Process) -> tuple[int, int]:
    """Return bytes and calls; even root may not see them where a process is closed to everybody."""
    try:
        counted = process.io_counters()
    except psutil.AccessDenied:
        if os.geteuid() != 0:
            raise
        return 0, 0
    return counted.read_bytes + counted.write_bytes, counted.read_count + counted.write_count


def _system(cpu_percent: float) -> Row:
    memory, net = psutil.virtual_memory(), psutil.net_io_counters()
    received = (net.bytes_recv, net.errin, net.dropin)
    sent = (net.bytes_sent, net.errout, net.dropout)
    return (os.getloadavg()[0], cpu_percent, memory.used, memory.available, *received, *sent)


def _computer() -> Row:
    sizes = []
    for disk in psutil.disk_partitions():
        with suppress(OSError):
            sizes.append(f"{disk.device}={psutil.disk_usage(disk.mountpoint).total}")
    return (psutil.cpu_count(), 0, "0", psutil.virtual_memory().total, "0", ";".join(sizes))


def _disks() -> list[Row]:
    rows: list[Row] = []
    for disk in psutil.disk_partitions():
        with suppress(OSError):
            usage = psutil.disk_usage(disk.mountpoint)
            rows.append((disk.device, str(usage.used), str(usage.free), disk.mountpoint))
    return rows


def temperatures() -> list[Row]:
    """Return what the program ``sensors`` says; a machine without it has no temperatures."""
    program = shutil.which("sensors")
    if program is None:
        return []
    done = subprocess.run([program], capture_output=True, text=True, errors="replace", check=False, timeout=60)
    return readings(done.stdout)


def readings(output: str) -> list[Row]:
    """Return sensor, temperature and alarm: 0 normal, 1 over its maximum, 2 over the critical one."""
    rows: list[Row] = []
    for line in output.splitlines():
        if match := _READING.match(line):
            now = float(match["now"])
            high, critical = (float(match[name]) if match[name] else float("inf") for name in ("high", "crit"))
            rows.append((match["name"].strip(), now, 2 if now > critical else 1 if now > high else 0))
    return rows

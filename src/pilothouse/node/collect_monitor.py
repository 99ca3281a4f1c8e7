"""What a partition used in the last minute, for the partition itself (node spec 17.9)."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil

from pilothouse.files import write_all
from pilothouse.node import reading
from pilothouse.node.collect_store import Collected, Row

_MIB: Final = 1024 * 1024
_HEADS: Final = {
    "process": "date, total process, CPU percent, CPU time, CPU threads",
    "memory": "date, memory used percent, memory used",
    "io": "date, io rw counter, io cycles counter, disk used",
}
_COLUMNS: Final = (
    "COUNT(pid), SUM(cpu_percent), SUM(cpu_time), SUM(cpu_num_threads), SUM(memory_percent), SUM(memory_rss), "
    "SUM(io_rw_counter), SUM(io_cycles_counter)"
)


def write(store: Collected, account: str, folder: Path, now: float) -> None:
    """Write the files of a partition that has a place for them; no link in it is followed."""
    with suppress(OSError):
        with reading.held(folder, ".slapgrid") as private, suppress(FileExistsError):
            os.mkdir("monitor", 0o755, dir_fd=private)
        with reading.held(folder, ".slapgrid", "monitor") as place:
            _write_all(store, account, place, now)


def _write_all(store: Collected, account: str, place: int, now: float) -> None:
    minute = time.gmtime(now - 60)
    day, moment = time.strftime("%Y-%m-%d", minute), time.strftime("%H:%M", minute)
    only = "AND partition = ? AND time BETWEEN ? AND ?"
    span = (account, f"{moment}:00", f"{moment}:59")
    (total,) = store.rows("user", _COLUMNS, day, only, span)
    rows = store.rows("user", "pid, cpu_percent, cpu_time, cpu_num_threads, memory_percent, memory_rss, "
                      "io_rw_counter, io_cycles_counter, process", day, only, span)  # fmt: skip
    disk = store.rows("folder", "disk_used", day, "AND partition = ? ORDER BY time DESC LIMIT 1", (account,))
    date = f"{day} {moment}:00"
    used = round(float(disk[0][0] or 0) / 1024, 2) if disk else 0
    _save(place, "monitor_process_resource.status.json", [_described(row, account) for row in rows])
    _save(place, "monitor_resource.status.json", _totals(total, date, used) if total[0] else {})
    count, cpu, seconds, threads, percent, rss, transferred, cycles = total
    lines = {
        "process": (date, count, cpu, seconds, threads),
        "memory": (date, percent, _mebibytes(rss)),
        "io": (date, transferred, cycles, used),
    }
    for name, values in lines.items():
        _append(place, name, ", ".join(map(str, values)) if count else None, now)


def _totals(total: Row, date: str, disk: float) -> dict[str, Any]:
    count, cpu, seconds, threads, percent, rss, transferred, cycles = total
    return {
        "total_process": count, "cpu_percent": cpu, "cpu_time": seconds, "cpu_num_threads": threads, "date": date,
        "memory_percent": percent, "memory_rss": _mebibytes(rss), "io_rw_counter": transferred,
        "io_cycles_counter": cycles, "disk_used": disk,
    }  # fmt: skip


def _described(row: Row, account: str) -> dict[str, Any]:
    pid, cpu, seconds, threads, percent, rss, transferred, cycles, process = row
    found: dict[str, Any] = {
        "pid": int(float(pid or 0)), "cpu_percent": cpu, "cpu_time": seconds, "cpu_num_threads": threads,
        "memory_percent": percent, "memory_rss": _mebibytes(rss), "io_rw_counter": transferred,
        "io_cycles_counter": cycles, "name": "", "command": [], "user": account, "date": "",
    }  # fmt: skip
    with suppress(psutil.Error, ValueError):
        known = psutil.Process(found["pid"])
        if f"{known.pid}-{known.create_time()}" == process:
            started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(known.create_time()))
            found |= {"name": known.name(), "command": known.cmdline(), "date": started}
    return found


def _mebibytes(size: object) -> float:
    return round(float(str(size or 0)) / _MIB, 2)


def _append(place: int, name: str, line: str | None, now: float) -> None:
    file = f"monitor_resource_{name}.data.json"
    document: Any = None
    with suppress(OSError, msgspec.DecodeError, RecursionError):
        document = msgspec.json.decode(reading.content(file, below=place) or b"")
    if not (isinstance(document, dict) and isinstance(document.get("data"), list)):
        document = {"date": now, "data": [_HEADS[name]]}
    elif line is None:
        return
    if line is not None:
        document["data"].append(line)
    _save(place, file, document)


def _save(place: int, name: str, document: object) -> None:
    """Replace a file by a document."""
    beside = f".{name}.tmp"
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=place)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=place)
    try:
        write_all(descriptor, msgspec.json.encode(document))
    finally:
        os.close(descriptor)
    os.replace(beside, name, src_dir_fd=place, dst_dir_fd=place)

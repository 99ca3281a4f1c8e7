"""What was collected, as files: today's curves, and an archive for every day that is over (node spec 17.7, 17.8)."""

import csv
import io
import itertools
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node.collect_store import TABLES, Collected, Row

_PLAIN: Final = ("loadavg", "cpu_percent", "net_in_errors", "net_in_dropped", "net_out_errors", "net_out_dropped")
_SIZES: Final = ("memory_used", "memory_free")
_COUNTERS: Final = ("net_in_bytes", "net_out_bytes")
_KIB: Final = 1024


def write_curves(store: Collected, folder: Path, today: str) -> None:
    """Write the curves of the day, a file each. Raises OSError."""
    for name in (*_PLAIN, *_SIZES):
        unit = _KIB if name in _SIZES else 1
        rows = store.rows("system", f"time, {name} / {unit}", today, "ORDER BY time")
        _write(folder / f"system_{name}.csv", rows)
    for name in _COUNTERS:
        _write(
            folder / f"system_{name}.csv", _differences(store.rows("system", f"time, {name}", today, "ORDER BY time"))
        )
    for (device,) in store.rows("disk", "DISTINCT partition", today):
        for name in ("used", "free"):
            rows = store.rows(
                "disk", f"time, CAST({name} AS REAL) / {_KIB}", today, "AND partition = ? ORDER BY time", (device,)
            )
            _write(folder / f"system_disk_memory_{name}_{str(device).replace('/', '_')}.csv", rows)


def _differences(rows: list[Row]) -> list[Row]:
    return [(row[0], (float(row[1] or 0) - float(old[1] or 0)) / _KIB) for old, row in itertools.pairwise(rows)]


def _write(path: Path, rows: Iterable[Row], head: Row = ("time", "entry")) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([head, *rows] if head else rows)
    write_atomic(path, text.getvalue().encode())


def archive_days(store: Collected, folder: Path, today: str) -> None:
    """Pack the rows of each day that is over, once; they count as reported when the archive is there."""
    days = sorted({day for table in TABLES for day in store.unreported_days(table, today)})
    for day in days:
        place = folder / day
        place.mkdir(parents=True, exist_ok=True)
        for table in TABLES:
            rows = store.rows(table, "*", day)
            if rows:
                _write(place / f"dump_{table}.csv", rows, head=())
        beside = folder / f".{day}.tar.gz"
        with tarfile.open(beside, "w:gz") as archive:
            archive.add(place, arcname=day)
        beside.replace(folder / f"{day}.tar.gz")
        for table in TABLES:
            store.mark_reported(table, day)
        store.commit()
        shutil.rmtree(place)

"""What the machine and its partitions use is measured, kept and reported (node spec, section 17)."""

import logging
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import msgspec

from pilothouse.clock import Clock
from pilothouse.files import write_atomic
from pilothouse.node import collect_dumps, collect_journal, collect_monitor, collect_store, processes
from pilothouse.node.collect_store import Collected
from pilothouse.node.configuration import Configuration, Reader

_log: Final = logging.getLogger("slapos")
_DAY: Final = 86400
_SECONDS: Final = 5.0  # how long the processors are watched
_CACHE: Final = 15  # days
_WORTH: Final = 1024  # KiB of a directory that are worth a row


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Whose use is measured, and where it is kept; times are in seconds, ``cache`` is in days."""

    computer_id: str
    instance_root: Path
    accounts: Mapping[str, Path]
    cache: int = _CACHE
    measures_disks: bool = True
    disk_cycle: int = _DAY
    pid_folder: Path
    seconds: float = _SECONDS
    uses_quota: bool = False
    model_id: str = "no_model"
    sensor_id: str | None = None

    @classmethod
    def of(cls, config: Configuration) -> Self:
        """Read it from the node's file. Raises ConfigurationError."""
        shape = Reader(config.path, config.sections, {}, ("slapos", "slapformat"))
        needed = ("partition_amount", "user_base_name", "partition_base_name")
        if absent := [name for name in needed if shape.text(name) is None]:
            raise shape.missing(f"Missing mandatory parameters in [slapformat]: {', '.join(absent)}")
        user, partition = shape.text("user_base_name"), shape.text("partition_base_name")
        own = Reader(config.path, config.sections, {}, ("collect",))
        return cls(
            computer_id=config.computer_id,
            instance_root=config.instance_root,
            accounts={
                f"{user}{number}": config.instance_root / f"{partition}{number}"
                for number in range(shape.number("partition_amount", 0))
            },
            cache=shape.number("collect_cache", _CACHE, least=0),
            measures_disks=own.switch("report_disk_usage", default=True),
            disk_cycle=own.number("disk_snapshot_time_cycle", _DAY, least=0),
            uses_quota=own.switch("disk_snapshot_use_quota", default=False),
            model_id=shape.text("computer_model_id") or "no_model",
            sensor_id=shape.text("heating_sensor_id"),
            pid_folder=own.path("disk_snapshot_process_pid_foder") or config.instance_root / "var" / "run",
        )

    @property
    def data(self) -> Path:
        """Where the database, the curves and the archives are."""
        return self.instance_root / "var" / "data-log"

    @property
    def reports(self) -> Path:
        """Where journals are kept."""
        return self.instance_root / "var" / "consumption-report"

    @property
    def outbox(self) -> Path:
        """Where `node report` finds journals that are to be sent."""
        return self.instance_root / "var" / "xml_report" / self.computer_id


def run(plan: Plan, clock: Clock) -> None:
    """Measure once, and write what is due. Raises OSError, sqlite3.Error, psutil.AccessDenied, NodeError."""
    from pilothouse.node import collect_samples  # noqa: PLC0415 - psutil is needed for nothing else

    _log.info("Collecting data...")
    for folder in (plan.data, plan.reports, plan.outbox, plan.pid_folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with collect_store.opened(plan.data / "collector.db") as store:
        sample = collect_samples.taken(frozenset(plan.accounts), plan.seconds)
        now = clock.time()
        day, moment = _utc(now)
        _log.info("Inserting computer information into database...")
        for table, rows in (("computer", [sample.computer]), ("system", [sample.system]), ("disk", sample.disk)):
            store.add(table, rows, day, moment)
        store.add("temperature", sample.temperature, day, moment)
        _log.info("Done.")
        _log.info("Inserting user information into database...")
        store.add("user", sample.user, day, moment)
        if plan.measures_disks:
            _measure_folders(store, plan, now)
        store.commit()
        _log.info("Done.")
        _log.info("Writing csv, XML and JSON files...")
        collect_dumps.write_curves(store, plan.data, day)
        _write_journals(store, plan, now)
        for account, folder in plan.accounts.items():
            collect_monitor.write(store, account, folder, now)
        collect_dumps.archive_days(store, plan.data, day)
        store.forget(_utc(now - plan.cache * _DAY)[0])
        _log.info("Done.")
    if plan.sensor_id:
        import psutil  # noqa: PLC0415 - where it is asked for only

        from pilothouse.node import heating  # noqa: PLC0415

        heating.run(plan, clock, clock.time() - psutil.boot_time(), time.sleep)
    _log.info("Finished collecting.")
    _log.info("=" * 80)


def _utc(seconds: float) -> tuple[str, str]:
    moment = time.gmtime(seconds)
    return time.strftime("%Y-%m-%d", moment), time.strftime("%H:%M:%S", moment)


def _measure_folders(store: Collected, plan: Plan, now: float) -> None:
    """Measure directories that were not measured for a cycle; at most one ``du`` for each partition at a time."""
    for account, folder in plan.accounts.items():
        if not folder.is_dir() or _measured_lately(store, account, plan.disk_cycle, now):
            continue
        mark = plan.pid_folder / f"{account}_disk_size.pid"
        if _is_alive(mark):
            continue
        disks = _disks(folder)
        accounted = _accounted([folder, *disks]) if plan.uses_quota else None
        size = sum(_size(one, mark) for one in (folder, *disks)) if accounted is None else accounted
        if size > _WORTH:
            store.add("folder", [(account, size)], *_utc(now))
        store.commit()


def _disks(folder: Path) -> list[Path]:
    """Return where the links in ``DATA`` lead, if that belongs to the partition: its user may lead them anywhere."""
    found, owner = [], folder.stat().st_uid
    for link in sorted((folder / "DATA").glob("*")):
        with suppress(OSError, RuntimeError):
            place = link.resolve(strict=True)
            if link.is_symlink() and place.is_dir() and place.stat().st_uid == owner:
                found.append(place)
    return found


def _accounted(folders: list[Path]) -> float | None:
    """Return the KiB that the file systems know of by their quotas, None when one of them has none."""
    from pilothouse.node import quotas  # noqa: PLC0415 - where it is asked for only

    try:
        # the account of one file system has all directories on it
        places = {folder.stat().st_dev: folder for folder in reversed(folders)}
        owner = folders[0].stat().st_uid
        return sum(quotas.used(folder, owner) for folder in places.values()) / 1024
    except quotas.NoQuotaError as error:
        _log.warning("%s; the directories are gone through instead, in spite of disk_snapshot_use_quota", error)
        return None


def _measured_lately(store: Collected, account: str, cycle: int, now: float) -> bool:
    # what the future holds was measured before the clock was set back
    since, until = (" ".join(_utc(moment)) for moment in (now - cycle, now))
    query = "OR (partition = ? AND date || ' ' || time > ? AND date || ' ' || time <= ?)"
    return bool(store.rows("folder", "1", "", query, (account, since, until)))


def _is_alive(mark: Path) -> bool:
    """Whether the ``du`` of an earlier call is still at work."""
    with suppress(OSError, ValueError):
        return processes.may_have_written(int(mark.read_text()), mark.stat().st_mtime)
    return False


def _size(folder: Path, mark: Path) -> float:
    with subprocess.Popen(
        ["du", "-s", "--", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        write_atomic(mark, str(process.pid).encode())
        output = process.communicate()[0]
    mark.unlink(missing_ok=True)
    words = output.split()
    return float(words[0]) if words else 0


def _write_journals(store: Collected, plan: Plan, now: float) -> None:
    """Write the journals of the two days before today, each once."""
    for back in (1, 2):
        day = _utc(now - back * _DAY)[0]
        path = plan.reports / f"{day}.xml"
        if path.exists() or path.with_name(f"{day}.xml.uploaded").exists():
            continue
        content = collect_journal.journal(plan.computer_id, day, collect_journal.used_on(store, day, plan.computer_id))
        # what is to be sent is there before the mark that it need not be written again
        write_atomic(plan.outbox / path.name, content)
        write_atomic(path, content)

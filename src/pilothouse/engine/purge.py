"""Deleting old job data: never a running job's, never that of a job whose folder lies inside (spec section 10.2)."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.engine.workspace import JobLock, Workspace, engine_pid
from pilothouse.errors import JobBusyError

_CHUNK: Final = 3
_MARKS: Final = ("params.json", "journal.db")
_HISTORY: Final = ".hislog"
_DAY: Final = 86400.0
_REMOVED: Final = {False: "removed", True: "would be removed"}


class Purged(msgspec.Struct):
    """What was done: counts, and what could not be done."""

    jobs: int = 0
    histories: int = 0
    cached: int = 0
    running: int = 0
    errors: list[str] = []


def purge(data: Path, days: int, now: float, say: Callable[[str], object], *, dry: bool = False) -> Purged:
    """Delete jobs whose params.json is older than ``days``, old histories of the others, and unused cached files.

    ``say`` gets one line for each thing deleted or spared. With ``dry`` nothing is deleted, only told and counted.
    Never raises for what the disk refuses: that is counted.
    """
    done = Purged(errors=[])
    base = data.absolute() / "job"
    limit = now - days * _DAY
    for folder in list(_jobs(base)):
        if _age_mark(folder) < limit:
            (_foretell_job if dry else _purge_job)(base, folder, done, say)
    _purge_histories(base, limit, done, say, dry=dry)
    _purge_cache(data.absolute() / "cache", limit, done, say, dry=dry)
    return done


def _foretell_job(base: Path, folder: Path, done: Purged, say: Callable[[str], object]) -> None:
    space = Workspace("".join(folder.relative_to(base).parts), folder)
    if engine_pid(space) is not None:
        done.running += 1
        say(f"WARN: Job {space.job_id} is running; {folder} would be kept.")
    else:
        done.jobs += 1
        say(f"INFO: Job {space.job_id}: {folder} would be removed.")


def _jobs(base: Path) -> Iterator[Path]:
    """Yield the folders of all jobs, inner ones first; folders of jobs have names of up to three characters."""
    for folder, names, files in os.walk(base, topdown=False):
        path = Path(folder)
        parts = path.relative_to(base).parts
        if parts and all(len(part) <= _CHUNK for part in parts) and any(mark in files for mark in _MARKS):
            yield path
        del names


def _age_mark(folder: Path) -> float:
    """Return when a job's document was written, or its journal where it has none here."""
    for mark in _MARKS:
        try:
            return (folder / mark).stat().st_mtime
        except OSError:
            continue
    return float("inf")


def _purge_job(base: Path, folder: Path, done: Purged, say: Callable[[str], object]) -> None:
    space = Workspace("".join(folder.relative_to(base).parts), folder)
    lock = JobLock(space)
    try:
        lock.acquire()
    except JobBusyError:
        done.running += 1
        say(f"WARN: Job {space.job_id} is running; {folder} is kept.")
        return
    except OSError as error:
        _fail(done, say, folder, error)
        return
    try:
        # the marks go last, so that a purge that was cut short finds the job again
        entries = sorted(folder.iterdir(), key=lambda entry: (entry.name in _MARKS, entry.name))
        for entry in entries:
            if not _holds_jobs(entry):
                _remove(entry)
        _remove_empty(folder, base)
    except OSError as error:
        _fail(done, say, folder, error)
    else:
        done.jobs += 1
        say(f"INFO: Job {space.job_id}: {folder} removed.")
    finally:
        lock.release()


def _holds_jobs(entry: Path) -> bool:
    """Whether a folder in a job's folder is on the way to another job, whose id begins with this one's."""
    if len(entry.name) > _CHUNK or entry.is_symlink() or not entry.is_dir():
        return False
    return any(True for _ in _jobs_below(entry))


def _jobs_below(folder: Path) -> Iterator[Path]:
    for current, names, files in os.walk(folder):
        names[:] = [name for name in names if len(name) <= _CHUNK]
        if any(mark in files for mark in _MARKS):
            yield Path(current)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _remove_empty(folder: Path, base: Path) -> None:
    """Remove a folder and those above it while nothing is in them."""
    while folder != base and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _purge_histories(base: Path, limit: float, done: Purged, say: Callable[[str], object], *, dry: bool) -> None:
    for folder, _, files in os.walk(base):
        if not folder.endswith(_HISTORY) or (dry and _age_mark(_job_of(Path(folder), base)) < limit):
            continue
        for name in files:
            path = Path(folder) / name
            try:
                if path.lstat().st_mtime < limit:
                    if not dry:
                        path.unlink()
                    done.histories += 1
                    say(f"INFO: {path} {_REMOVED[dry]}.")
            except FileNotFoundError:
                continue
            except OSError as error:
                _fail(done, say, path, error)


def _job_of(folder: Path, base: Path) -> Path:
    """Return the folder of the job that a folder belongs to."""
    while folder != base and not any((folder / mark).exists() for mark in _MARKS):
        folder = folder.parent
    return folder


def _purge_cache(cache: Path, limit: float, done: Purged, say: Callable[[str], object], *, dry: bool) -> None:
    """Remove files of the server that no job has asked for since; a job's link keeps its bytes."""
    for path in sorted(cache.glob("*")) if cache.is_dir() else ():
        if not path.name.isdigit():
            continue
        try:
            if path.stat().st_atime < limit and (dry or _remove_cached(path)):
                done.cached += 1
                say(f"INFO: {path} {_REMOVED[dry]}.")
        except FileNotFoundError:
            continue
        except OSError as error:
            _fail(done, say, path, error)


def _remove_cached(path: Path) -> bool:
    """Remove a cached file unless somebody is fetching it; its lock file stays, because others may wait on it."""
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        path.with_name(f"{path.name}.name").unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _fail(done: Purged, say: Callable[[str], object], path: Path, error: OSError) -> None:
    text = f"{path}: {error.strerror or error}"
    done.errors.append(text)
    say(f"ERROR: {text}")

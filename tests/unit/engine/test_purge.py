"""Purging old data on a real disk."""

import os
from pathlib import Path

from pilothouse.engine.purge import purge

NOW = 1_800_000_000.0
OLD = NOW - 10 * 86400


def make(data: Path, job_id: str, *, old: bool) -> Path:
    folder = data / "job" / Path(*[job_id[i : i + 3] for i in range(0, len(job_id), 3)])
    (folder / "log").mkdir(parents=True)
    (folder / "log" / "console.txt").write_text("x")
    params = folder / "params.json"
    params.write_text("{}")
    os.utime(params, (OLD, OLD) if old else (NOW, NOW))
    return folder


def test_d39_nested_jobs_outlive_their_outer_one_and_the_other_way_round(tmp_path: Path) -> None:
    outer, inner = make(tmp_path, "100200", old=True), make(tmp_path, "100200300", old=False)
    fresh, stale = make(tmp_path, "400500", old=False), make(tmp_path, "400500600", old=True)
    done = purge(tmp_path, 5, NOW, lambda line: None)
    assert done.jobs == 2
    assert not (outer / "params.json").exists()
    assert not (outer / "log").exists()
    assert (inner / "params.json").is_file()
    assert (fresh / "log" / "console.txt").is_file()
    assert not stale.exists()


def test_a_dry_run_tells_the_same_and_removes_nothing(tmp_path: Path) -> None:
    gone, kept = make(tmp_path, "100200", old=True), make(tmp_path, "100200300", old=False)
    for folder in (gone, kept):
        history = folder / "log" / "console.hislog" / "x.txt"
        history.parent.mkdir()
        history.write_text("x")
        os.utime(history, (OLD, OLD))
    cached = tmp_path / "cache" / "71"
    cached.parent.mkdir()
    cached.write_text("x")
    os.utime(cached, (OLD, OLD))
    before = sorted(tmp_path.rglob("*"))
    lines: list[str] = []
    foretold = purge(tmp_path, 5, NOW, lines.append, dry=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert all(line.endswith(" would be removed.") for line in lines)
    assert len(lines) == 3
    done = purge(tmp_path, 5, NOW, lambda line: None)
    assert (done.jobs, done.histories, done.cached) == (1, 1, 1)
    assert foretold == done


def test_empty_folders_above_a_job_go_too(tmp_path: Path) -> None:
    make(tmp_path, "123456789", old=True)
    purge(tmp_path, 5, NOW, lambda line: None)
    assert list((tmp_path / "job").iterdir()) == []


def test_links_out_of_a_job_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("x")
    folder = make(tmp_path, "321", old=True)
    (folder / "link").symlink_to(outside)
    (folder / "ab").symlink_to(outside)
    assert purge(tmp_path, 5, NOW, lambda line: None).errors == []
    assert not folder.exists()
    assert (outside / "file").is_file()


def test_cached_files_go_when_no_job_has_asked_for_them(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, used in (("7", OLD), ("8", NOW)):
        (cache / name).write_text("x")
        (cache / f"{name}.name").write_text("n")
        os.utime(cache / name, (used, OLD))
    assert purge(tmp_path, 5, NOW, lambda line: None).cached == 1
    assert sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") == ["8", "8.name"]


def test_what_the_disk_refuses_is_told_and_the_rest_done(tmp_path: Path) -> None:
    blocked, other = make(tmp_path, "555", old=True), make(tmp_path, "666", old=True)
    (blocked / "engine.lock").mkdir()
    lines: list[str] = []
    done = purge(tmp_path, 5, NOW, lines.append)
    assert done.jobs == 1
    assert len(done.errors) == 1
    assert any(line.startswith("ERROR") and "555" in line for line in lines)
    assert not other.exists()


def test_nothing_there_is_nothing_done(tmp_path: Path) -> None:
    done = purge(tmp_path / "none", 5, NOW, lambda line: None)
    assert (done.jobs, done.errors) == (0, [])

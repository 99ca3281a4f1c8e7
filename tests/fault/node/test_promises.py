"""Promises that do not end, that multiply, that say garbage, and disks that are full."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.promises import Partition

from pilothouse.node.promise_runners import Runners

_PATIENCE = 20


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    made = Runners()
    yield made
    made.close()


@pytest.fixture
def partition(tmp_path: Path, runners: Runners) -> Partition:
    return Partition(tmp_path / "slappart0", runners)


def processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def assert_nothing_is_left(folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while (left := processes_of(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []


def test_a_promise_that_takes_too_long(partition: Partition) -> None:
    partition.program("slow", "trap '' TERM; sleep 300 & setsid sleep 300 & sleep 300").program("ok", "true")
    outcome = partition.examine(timeout=0.4)
    assert outcome.failure == "Promise 'slow' failed with output: Error: Promise timed out after 0.4 seconds"
    assert partition.document("slow")["result"]["message"] == "Error: Promise timed out after 0.4 seconds"
    assert_nothing_is_left(partition.folder)


def test_an_anomaly_is_the_second_time_out(partition: Partition) -> None:
    partition.program("slow", "exec sleep 300")
    assert [partition.examine(anomaly=True, timeout=0.2).failure is None for _ in range(2)] == [True, False]


_BOMB = """\
#!{python}
import os, time
end = time.monotonic() + 15  # whatever a test finds out, the machine is to live on
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while time.monotonic() < end:  # each makes the next, and ends
            if os.fork():
                os._exit(0)
            {hide}
            time.sleep(0.002)
        os._exit(0)
time.sleep(15)
"""


@pytest.mark.parametrize("hide", ["pass", "os.setsid()"])
def test_a_promise_that_forks_and_never_ends(partition: Partition, hide: str) -> None:
    partition.program("bomb", _BOMB.format(python=sys.executable, hide=hide)).program("ok", "true")
    outcome = partition.examine(timeout=0.5)
    assert [(one.name, one.result.failed) for one in outcome.found] == [("bomb", True), ("ok", False)]
    assert not any("multiply" in text for _, text in partition.said)
    assert_nothing_is_left(partition.folder)


def test_what_a_promise_leaves_behind_is_ended(partition: Partition) -> None:
    partition.program("leaves", "setsid sleep 300 >/dev/null 2>&1 & echo left").program(
        "holds", "sleep 300 & echo held"
    )
    assert {one.name: one.result.message for one in partition.examine().found} == {"leaves": "left", "holds": "held"}
    assert_nothing_is_left(partition.folder)


def test_garbage(partition: Partition) -> None:
    partition.program("bytes", "head -c 3000000 /dev/urandom; exit 1")
    partition.program("long", "head -c 6000 /dev/zero | tr '\\0' x")
    partition.plugin(
        "forger.py",
        """
        def sense(self):
            import os
            for descriptor in range(3, 50):
                try: os.write(descriptor, b'{"event": "end", "skipped": 7}\\n[[[')
                except OSError: pass
            print("\\0\\ud800" * 100000, flush=True)
        """,
    )
    outcome = partition.examine()
    found = {one.name: one.result for one in outcome.found}
    assert found["bytes"].failed
    assert found["long"].message == "..." + "x" * 5000 or found["long"].message == "x" * 5000
    assert found["forger.py"].message == "Error: No output returned by the promise"
    assert outcome.skipped == 0


def test_a_full_disk_hides_no_failure(tmp_path: Path) -> None:
    """With no room for logs, results and cards the verdict is what the promise said now, and the old result stays."""
    runners = Runners()
    partition = Partition(tmp_path / "slappart0", runners).program("flips", "cat state; test ! -s state")
    state = partition.folder / "state"
    state.touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        assert partition.examine().failure is None
        old = partition.path("flips", "result").read_bytes()
        state.write_text("down\n")
        runners.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        outcome = partition.examine()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
        runners.close()
    assert outcome.failure == "Promise 'flips' failed with output: down"
    assert partition.path("flips", "result").read_bytes() == old
    assert any(level == "WARNING" and "cannot be saved" in text for level, text in partition.said)
    assert not list(partition.path("flips", "result").parent.glob("*.tmp"))


def test_files_that_are_garbage_are_none(partition: Partition) -> None:
    partition.program("ok", "true")
    partition.examine()
    for kind in ("cache", "result", "log"):
        partition.path("ok", kind).write_bytes(b"\xff[" * 30000)
    assert partition.examine(anomaly=True, forced=False).failure is None
    assert partition.document("ok")["result"]["failed"] is False


def test_a_node_that_is_killed_leaves_no_promise(tmp_path: Path) -> None:
    folder = tmp_path / "slappart0"
    text = f"""
        from pathlib import Path
        from pilothouse.node.promise_runners import Runners
        from tests.promises import Partition
        Partition(Path({str(folder)!r}), Runners()).program("slow", "touch began; sleep 300 & sleep 300").examine()
    """
    node = subprocess.Popen([sys.executable, "-c", textwrap.dedent(text)], env={**os.environ, "PYTHONPATH": "src:."})
    end = time.monotonic() + _PATIENCE
    while not (folder / "began").exists():
        assert time.monotonic() < end, "the promise did not start"
        time.sleep(0.02)
    node.kill()
    node.wait()
    assert_nothing_is_left(folder)


def test_a_warm_process_that_was_killed_is_replaced(partition: Partition, runners: Runners) -> None:
    partition.program("ok", "true")
    partition.examine()
    assert runners._warm is not None
    runners._warm.kill()
    runners._warm.wait()
    assert partition.examine().failure is None


def test_pipes_and_links_in_the_place_of_files_hold_nobody_up(partition: Partition, tmp_path: Path) -> None:
    partition.program("ok", "true")
    partition.examine()
    (tmp_path / "secret").write_text("kept")
    for kind in ("cache", "result"):
        partition.path("ok", kind).unlink()
        os.mkfifo(partition.path("ok", kind))
    partition.path("ok", "log").unlink()
    partition.path("ok", "log").symlink_to(tmp_path / "secret")
    assert partition.examine(anomaly=True, forced=False).failure is None
    assert (tmp_path / "secret").read_text() == "kept"

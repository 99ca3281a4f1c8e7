"""Run folders and the lock of the one engine, on real files and processes (spec section 5.3; check 9)."""

import os
import signal
import stat
import threading
from pathlib import Path

import pytest
from tests.integration.engine.running import end, output, python

from pilothouse.engine.workspace import JobLock, engine_pid, workspace, workspaces
from pilothouse.errors import JobBusyError, UsageError
from pilothouse.jobs.nodes import LOCAL, Node

NODE = Node(resource_id=5001, host="10.0.0.1", port=7001)

HOLDER = """
import sys, time
from pathlib import Path
from pilothouse.engine.workspace import JobLock, workspace
from pilothouse.errors import JobBusyError

lock = JobLock(workspace(Path(sys.argv[1]), "1002"))
try:
    lock.acquire()
    print("held", flush=True)
except JobBusyError as error:
    print("busy", error, flush=True)
    sys.exit()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("job_id", "folder"),
    [("624490098515988", "624/490/098/515/988"), ("1002", "100/2"), ("7", "7"), ("a-b_c", "a-b/_c"), ("0", "0")],
)
def test_folders_are_named_in_chunks_of_three(tmp_path: Path, job_id: str, folder: str) -> None:
    assert workspace(tmp_path, job_id).root == tmp_path / "job" / folder


@pytest.mark.parametrize("job_id", ["", "../etc", "a/b", "a b", "-x", "\u540d", "a\0b", ".", "x" * 129])
def test_ids_that_cannot_name_a_folder_are_refused(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        workspace(tmp_path, job_id)


def test_the_documented_layout(tmp_path: Path) -> None:
    space = workspace(tmp_path, "1002")
    space.create()
    space.create()
    root = tmp_path / "job" / "100" / "2"
    made = {path.name for path in root.iterdir()}
    assert made == {"file", "input", "livedata", "log", "output", "output-op", "script", "status", ".run"}
    assert stat.S_IMODE((root / ".run").stat().st_mode) == 0o700
    paths = {
        space.params: "params.json",
        space.nodes: "nodes.json",
        space.console: "log/console.txt",
        space.log("deploy", NODE): "log/deploy/10.0.0.1-7001-5001.txt",
        space.status("deploy", NODE): "status/deploy/10.0.0.1-7001-5001.json",
        space.input(NODE): "input/10.0.0.1-7001-5001.json",
        space.output(LOCAL): "output/local-0-0.json",
        space.operation_output(NODE, "grp/op_1"): "output-op/10.0.0.1-7001-5001/grp/op_1.json",
        space.livedata("deploy", NODE, "op_1"): "livedata/deploy/10.0.0.1-7001-5001/op_1.json",
        space.script("op_1.sh"): "script/op_1.sh",
    }
    assert {path: str(path.relative_to(root)) for path in paths} == paths


def test_a_data_folder_named_with_dots_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    space = workspace(Path("../data"), "1002")
    space.create()
    space.log("deploy", NODE).parent.mkdir()
    assert (tmp_path / "data" / "job" / "100" / "2" / "log" / "deploy").is_dir()


def test_names_that_lead_out_are_refused(tmp_path: Path) -> None:
    space = workspace(tmp_path, "1002")
    with pytest.raises(UsageError, match="leads out"):
        space.log("../../../..", NODE)
    with pytest.raises(UsageError, match="leads out"):
        space.operation_output(NODE, "../../../../x")


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "job").write_text("a file")
    with pytest.raises(UsageError, match="PILOTHOUSE_DATA"):
        workspace(tmp_path, "1002").create()


def test_jobs_that_ran_are_found_also_below_each_other(tmp_path: Path) -> None:
    ids = {"624490098", "624490098515988", "7", "log", "1002"}
    for job_id in ids:
        space = workspace(tmp_path, job_id)
        space.create()
        space.journal.touch()
    workspace(tmp_path, "999").create()
    assert {space.job_id for space in workspaces(tmp_path)} == ids
    assert all(workspace(tmp_path, space.job_id) == space for space in workspaces(tmp_path))
    assert list(workspaces(tmp_path / "nothing")) == []


def test_a_second_engine_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    space = workspace(tmp_path, "1002")
    space.create()
    assert engine_pid(space) is None
    first = python(HOLDER, tmp_path)
    try:
        assert output(first).readline() == "held\n"
        assert engine_pid(space) == first.pid
        with pytest.raises(JobBusyError) as caught:
            JobLock(space).acquire()
        assert caught.value.pid == first.pid
        assert f"engine process {first.pid}" in str(caught.value)
        assert "pilothouse job abort 1002" in str(caught.value)
        second = python(HOLDER, tmp_path)
        assert f"engine process {first.pid}" in output(second).readline()
        end(second)
    finally:
        end(first)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_is_free_when_its_holder_is_dead(tmp_path: Path, number: signal.Signals) -> None:
    space = workspace(tmp_path, "1002")
    space.create()
    holder = python(HOLDER, tmp_path)
    assert output(holder).readline() == "held\n"
    os.kill(holder.pid, number)
    holder.communicate()
    assert engine_pid(space) is None
    lock = JobLock(space)
    lock.acquire()
    assert engine_pid(space) == os.getpid()
    assert space.lock.read_text() == str(os.getpid())
    lock.release()
    lock.release()
    assert engine_pid(space) is None


def test_asking_for_the_pid_makes_no_engine_believe_the_job_busy(tmp_path: Path) -> None:
    space = workspace(tmp_path, "1002")
    space.create()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            engine_pid(space)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for _ in range(300):
            lock = JobLock(space)
            lock.acquire()
            lock.release()
    finally:
        done.set()
        for asker in askers:
            asker.join()

"""The disk is full: logs may suffer and it is said so; the journal may not, and the job stops with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.jobs import Document, document, group, operation, phase
from tests.machine import nap, running

SOURCES = Path(__file__).resolve().parents[3] / "src"
LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from pilothouse.cli.main import main
sys.exit(main())
"""


def run(folder: Path, job: Document, limit: int) -> subprocess.CompletedProcess[str]:
    """Run a job whose engine cannot make any file longer than ``limit`` bytes."""
    params = folder / "params.json"
    params.write_text(json.dumps(job), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PILOTHOUSE_DATA": str(folder / "data")}
    words = [sys.executable, "-c", LIMITED, str(limit), "job", "run", str(params)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_log_that_cannot_grow_stops_neither_the_job_nor_the_other_logs(tmp_path: Path) -> None:
    chatter = 'i=0; while [ $i -lt 30000 ]; do echo "line $i of a talkative operation"; i=$((i+1)); done'
    job = document(
        "61",
        group(0, phase("loud", operation("talk", chatter, "runner"))),
        group(1, phase("quiet", operation("say", "echo short", "runner"))),
    )
    done = run(tmp_path, job, 600_000)
    assert done.returncode == 0, done.stderr
    assert "the record is not complete" in done.stderr
    assert "local-0-0" in done.stderr
    folder = tmp_path / "data/job/61"
    assert "line 5000 of" in (folder / "log/loud/local-0-0.txt").read_text("utf-8")
    assert "short" in (folder / "log/quiet/local-0-0.txt").read_text("utf-8")
    assert json.loads((folder / "status/loud/local-0-0.json").read_text("utf-8"))["status"] == "succeed"


def test_a_journal_that_cannot_be_written_stops_the_job_and_what_runs(tmp_path: Path) -> None:
    steps = [phase(f"p{n}", operation("nap", "sleep 0.01", "runner")) for n in range(60)]
    command = nap()
    side = phase("long", operation("sleep", command, "runner"))
    job = document("62", group(0, side, *steps))
    done = run(tmp_path, job, 60_000)
    assert done.returncode == 4
    assert "journal" in done.stderr
    assert "Traceback" not in done.stderr
    assert running(command) == []

"""Real processes: what the measurer counts, and that it leaves nothing running."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from benchmarks.measure import Measurement, Order, run
from benchmarks.places import REPOSITORY

_BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
_DAEMON = f"""
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
{_BURN}
open("daemon", "w").write(str(os.getpid()))
time.sleep(600)
"""
_AWAIT = "import pathlib, time\nwhile not pathlib.Path('daemon').exists(): time.sleep(0.01)\ntime.sleep(0.05)\n"


def python(folder: Path, code: str, limit: float = 30.0) -> Measurement:
    return run(Order((sys.executable, "-c", code), {"PATH": "/usr/bin:/bin"}, str(folder), limit))


def test_cpu_wall_exit_code_and_output(tmp_path: Path) -> None:
    found = python(tmp_path, _BURN + "print('done')\nraise SystemExit(3)")
    assert found.exit_code == 3
    assert 0.3 <= found.cpu < 2
    assert found.wall >= 0.3
    assert found.peak_mib > 1
    assert (tmp_path / "stdout").read_text() == "done\n"


def test_a_daemon_is_counted_and_stopped(tmp_path: Path) -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_DAEMON!r}])\n{_AWAIT}"
    found = python(tmp_path, code)
    assert found.exit_code == 0
    assert found.cpu >= 0.3
    assert not Path("/proc", (tmp_path / "daemon").read_text()).exists()


def test_memory_is_that_of_the_whole_tree(tmp_path: Path) -> None:
    hold = "import time; block = bytearray(b'x') * (40 << 20); time.sleep(0.6)"
    code = (
        f"import subprocess, sys\nfor p in [subprocess.Popen([sys.executable, '-c', {hold!r}]) for _ in '12']: p.wait()"
    )
    assert 80 < python(tmp_path, code).peak_mib < 200


def test_a_run_beyond_its_limit_is_stopped(tmp_path: Path) -> None:
    found = python(tmp_path, "import time; time.sleep(600)", limit=0.5)
    assert found.timed_out


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"measuring .*nothing broke off"):
        run(Order((str(tmp_path / "nothing"),), {}, str(tmp_path)))


def test_a_stopped_measurement_takes_its_tree_along(tmp_path: Path) -> None:
    code = "import os, time; open('child', 'w').write(str(os.getpid())); open('ready', 'w').close(); time.sleep(600)"
    order = Order((sys.executable, "-c", code), {"PATH": "/usr/bin:/bin"}, str(tmp_path))
    command = [sys.executable, "-m", "benchmarks.measure"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as measurer:
        assert measurer.stdin is not None
        measurer.stdin.write(msgspec.json.encode(order))
        measurer.stdin.close()
        deadline = time.monotonic() + 30
        while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        measurer.terminate()
        assert measurer.wait(30) == 128 + signal.SIGTERM
    assert not Path("/proc", (tmp_path / "child").read_text()).exists()

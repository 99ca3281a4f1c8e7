"""The load generator, and the master that it is pointed at, as the benchmark starts it."""

import sys
from pathlib import Path

import pytest
from benchmarks.server import calls, load
from benchmarks.server.load import Order
from benchmarks.server.masters import Proxy, demanded, prepare, send
from benchmarks.server.processes import ServerError

PROGRAM = """#!{python}
import sys
sys.path[:0] = ["{sources}"]
from pilothouse.cli.slapos.main import main
sys.exit(main())
"""


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    program = tmp_path / "slapos"
    program.write_text(PROGRAM.format(python=sys.executable, sources=Path(__file__).resolve().parents[3] / "src"))
    program.chmod(0o755)
    return tmp_path


def test_a_master_is_filled_read_and_looked_at(commands: Path, tmp_path: Path) -> None:
    master = Proxy(tmp_path, commands)
    try:
        prepare(master, 12)
        master.fill(0, 10)
        read = [calls.read()]
        order = Order(target=master.target, requests=read, clients=2, seconds=0.05, circle=True, kept=True)
        outcome = load.carry_out(order)
        assert (outcome.answered > 0, outcome.failed, outcome.size > 1000) == (True, 0, True)
        assert outcome.p50 <= outcome.p99
        crowd = send(master.target, [calls.request(f"crowd{number}") for number in range(3)], 3, kept=False)
        assert (crowd.answered, crowd.failed, crowd.places) == (2, 1, 2), "two partitions are left for three"
        with pytest.raises(ServerError, match="1 requests failed; the first: 404"):
            demanded(crowd)
        assert master.cpu()[0] > 0
        assert master.memory_mib() > 1
    finally:
        master.stop()

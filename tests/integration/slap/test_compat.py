"""`from slapos.slap import slap` where it was chosen, and the refusal beside the original."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
COMPAT = ROOT / "compat" / "slapos_slap"

USES = """
import slapos.slap.slap
from slapos.slap import ComputerPartition, NotFoundError, ServerError, slap
from slapos.slap.exception import AuthenticationError, SlapException
from slapos.slap.slap import SoftwareRelease, slap as same
from slapos.slap.interface.slap import IComputer
import pilothouse.slap.client as ours
assert slapos.slap.slap is slap is same is ours.slap
assert issubclass(NotFoundError, SlapException)
assert slap().registerComputer("C").__class__ is ours.Computer
"""


def run(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, [ROOT / "src", COMPAT, *folders]))
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_programs_that_import_the_original_run() -> None:
    done = run(USES)
    assert done.returncode == 0, done.stderr


def test_beside_the_original_it_is_refused(tmp_path: Path) -> None:
    described = tmp_path / "slapos_core-1.26.1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: slapos.core\nVersion: 1.26.1\n")
    done = run("from slapos.slap import slap", tmp_path)
    assert "ImportError: slapos.core 1.26.1 and pilothouse-slapos-compat both bring slapos.slap" in done.stderr


def test_it_is_no_part_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'packages = ["src/pilothouse"]' in text
    assert not (ROOT / "src" / "slapos").exists()

"""Where the harness keeps its things."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
BENCHMARKS: Final = REPOSITORY / "benchmarks"
DRIVERS: Final = BENCHMARKS / "drivers"
RESULTS: Final = BENCHMARKS / "RESULTS.md"
WORK: Final = BENCHMARKS / ".work"
ENVIRONMENTS: Final = WORK / "environments"
OURS: Final = REPOSITORY / ".venv" / "bin" / "pilothouse"

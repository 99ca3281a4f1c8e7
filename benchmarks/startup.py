"""The scenario without nodes: what a command costs before it has done anything."""

import json
import os
import sys
from pathlib import Path
from typing import Final

from benchmarks.measure import Order
from benchmarks.peers.ours import document
from benchmarks.table import BARE

# a start is short: more of them than of the long runs, for a steady median
STARTS_PER_RUN: Final = 5
_LIMIT: Final = 60.0
_DOCUMENT: Final = "params.json"
LOCAL_JOB: Final = "pilothouse job run, one local operation"


def commands(program: Path) -> dict[str, tuple[str, ...]]:
    """Return the command lines by the name they have in the table; ``program`` is our own command."""
    beside = program.parent
    python = beside / "python"
    return {
        BARE: (str(python if python.exists() else sys.executable), "-c", "pass"),
        "pilothouse --help": (str(program), "--help"),
        "autoexec --help": (str(beside / "autoexec"), "--help"),
        "planta_headless.py --version": (str(beside / "planta_headless.py"), "--version"),
        LOCAL_JOB: (str(program), "job", "run", _DOCUMENT, "--data", "data"),
    }


def order(argv: tuple[str, ...], folder: Path) -> Order:
    """Return the order for one start; the document of the job with one local operation lies in the folder."""
    (folder / _DOCUMENT).write_text(json.dumps(document("true\n", kind="runner")))
    environ = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8"}
    return Order(argv, environ, str(folder), _LIMIT)

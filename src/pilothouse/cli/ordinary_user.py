"""Programs that must not be root's: whether another user can run this installation, and how to become one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pilothouse

NOBODY: Final = 65534
_USES: Final = "import os, sys; open(sys.argv[1]).close(); os.stat(sys.argv[2])"
_READERS: Final = ("dac_read_search", "dac_override")


def can_run_us(prefix: list[str] | None = None, folder: Path | None = None) -> bool:
    """Whether nobody, or whoever ``prefix`` makes of a program, can run this Python, and get to a folder."""
    # setpriv itself can still do what root can, so somebody else starts the interpreter
    words = [*(prefix or []), "env", sys.executable, "-I", "-c", _USES, pilothouse.__file__, f"{folder or ''}/."]
    nobody = {} if prefix else {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        return subprocess.run(words, capture_output=True, check=False, cwd="/", **nobody).returncode == 0  # type: ignore[call-overload,no-any-return]
    except OSError:
        return False


def becoming(folder: Path) -> list[str] | None:
    """Return what lets root begin a program as nobody, nothing for other users; None where that is impossible.

    Where only root can read this installation, or get to the folder that is to be used, nobody gets the right to
    read everything.
    """
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    if program is None:
        return None
    plain = [program, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    reading = ([*plain, f"--inh-caps=+{one}", f"--ambient-caps=+{one}", "--securebits=+no_setuid_fixup"]
               for one in _READERS)  # fmt: skip
    return next((prefix for prefix in (plain, *reading) if can_run_us(prefix, folder)), None)

"""A virtual environment of its own for each peer, with pinned versions, made on demand."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.peers.contract import UnpreparedError
from benchmarks.places import ENVIRONMENTS


def ensure(name: str, *requirements: str) -> Path:
    """Return the folder of the environment, made anew when it is missing or was made for other versions.

    Raises UnpreparedError with the reason, or the installer's last words.
    """
    folder = ENVIRONMENTS / name
    ready = folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    if ready.exists() and ready.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Installing {', '.join(requirements)} (once) ...", file=sys.stderr)
    try:
        venv.create(folder, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnpreparedError(
            f"no environment can be made ({error}); on Debian: apt-get install python3-venv"
        ) from None
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *requirements], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnpreparedError(f"{', '.join(requirements)} cannot be installed: {done.stderr.strip()[-300:]}")
    ready.write_text(wanted)
    return folder

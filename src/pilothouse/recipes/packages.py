"""``pilothouse:packages``: packages of the Python package index, in a folder of the release.

They are installed by pip, so that its settings count: PIP_INDEX_URL, /etc/pip.conf, proxies, certificates.
``requirements`` are lines as pip takes them; name exact versions, with ``--hash`` where it matters.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from pilothouse.errors import PilothouseError
from pilothouse.files import write_atomic
from pilothouse.recipes.part import Buildout, Options, Part, problem

_LAST: Final = 12


class PackageError(PilothouseError):
    """pip cannot install what is required; the text has the end of what it said."""


class Packages(Part):
    """Tells its folder as ``path``, for PYTHONPATH or ``sys.path``."""

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        self.target = Path(buildout["buildout"]["parts-directory"]) / name
        self.options["path"] = str(self.target)

    def install(self) -> list[str]:
        """Install the packages. Raises UserError with the end of what pip said."""
        try:
            installed(self.target, self.lines("requirements"), self.words("options"))
        except PackageError as error:
            raise problem(str(error)) from None
        return [str(self.target)]

    def update(self) -> list[str]:
        """Install them only if they are gone."""
        return [str(self.target)] if self.target.is_dir() else self.install()


def installed(target: Path, requirements: list[str], options: list[str]) -> None:
    """Have pip install into a new folder, which gets its name when all is there. Raises PackageError."""
    beside = target.with_name(f".{target.name}.new")
    for former in (beside, target):
        shutil.rmtree(former, ignore_errors=True)
    listed = beside / "requirements.txt"
    write_atomic(listed, "".join(f"{line}\n" for line in requirements).encode())
    words = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir",
             "--target", str(beside), "--requirement", str(listed), *options]  # fmt: skip
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).splitlines()[-_LAST:])
        raise PackageError(f"pip cannot install {', '.join(requirements)}:\n{said}")
    beside.rename(target)

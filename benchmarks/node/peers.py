"""Who is measured: our command, and the original's, each with the same Python."""

import subprocess
from pathlib import Path
from typing import Final

import msgspec
from tests.originals import Original, installed, interpreter

OURS: Final = "ours"
ORIGINAL: Final = "original"
_VERSIONS: Final = {
    "slapos.core": "1.24.0",
    "setuptools": "80.9.0",
    "zc.buildout": "4.1.12",
    "supervisor": "4.3.0",
    "slapos.libnetworkcache": "0.30",
    "slapos.recipe.template": "5.1",
    "xml_marshaller": "1.0.3",
}
ABOUT: Final = ", ".join(f"{name} {version}" for name, version in _VERSIONS.items())


class Peer(msgspec.Struct, frozen=True):
    """A node's programs."""

    name: str
    slapos: Path


def original() -> Original:
    """Return the original with the versions that were measured for the targets, installed for itself."""
    python = interpreter("3.11")
    if python is None:
        raise RuntimeError("slapos.core 1.24.0 needs a Python 3.11 with venv; install one")
    wanted = (f"{name}=={version}" for name, version in _VERSIONS.items())
    return installed("slapos", _VERSIONS["slapos.core"], python, *wanted)


def compiled(bin_folder: Path) -> None:
    """Compile our package, as installing does: an ordinary user's commands could not keep what they compile."""
    find = "import compileall, pilothouse; compileall.compile_dir(pilothouse.__path__[0], quiet=2)"
    subprocess.run([bin_folder / "python", "-c", find], check=True)


def peers(bin_folder: Path, found: Original) -> tuple[Peer, Peer]:
    """Return ours and the original's, in the order of their turns."""
    return Peer(OURS, bin_folder / "slapos"), Peer(ORIGINAL, found.program("slapos"))

"""The package as it is after `pip install`: recipes are found by what an installation says of itself."""

import configparser
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def installed(folder: Path) -> Path:
    """Make an environment in ``folder`` where this package is installed with all that it needs; returns its Python.

    Programs of releases get no PYTHONPATH, so the environment itself leads to the libraries of this process.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    library = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    paths = [str(ROOT / "src"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (library / "here.pth").write_text("\n".join(paths) + "\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    about = library / f"pilothouse-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pilothouse\nVersion: {project['version']}\n")
    with (about / "entry_points.txt").open("w") as stream:
        _entry_points(project).write(stream)
    return python


def _entry_points(project: dict[str, Any]) -> configparser.RawConfigParser:
    points = configparser.RawConfigParser()
    points.read_dict(project["entry-points"])
    return points

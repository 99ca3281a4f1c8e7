"""Parts of a buildout in a folder, without buildout around them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pilothouse.recipes.part import Part

Kind = TypeVar("Kind", bound=Part)


def part(kind: type[Kind], folder: Path, name: str = "it", **options: str) -> Kind:
    """Make a part as buildout does when something refers to it; ``_`` in names of options stands for ``-``."""
    found = {"recipe": f"pilothouse:{kind.__name__.lower()}", **_dashed(options)}
    return kind({"buildout": {"directory": str(folder), "parts-directory": str(folder / "parts")}}, name, found)


def _dashed(options: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in options.items()}

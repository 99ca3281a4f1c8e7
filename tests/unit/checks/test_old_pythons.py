"""What the Python of a release imports keeps to what Python 3.8 understands, and to the standard library."""

import ast
import sys
from pathlib import Path

import pytest

import pilothouse

_ROOT = Path(pilothouse.__file__).parent
_FILES = sorted([*_ROOT.joinpath("checks").glob("*.py"), *_ROOT.joinpath("node", "promising").rglob("*.py")])
_OURS = ("pilothouse.checks", "pilothouse.node.promising", "slapos.grid.promise", "zope.interface", "__future__")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_syntax_and_imports(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.startswith(_OURS) or name.partition(".")[0] in sys.stdlib_module_names, name
        assert not (isinstance(node, ast.ClassDef | ast.FunctionDef) and getattr(node, "type_params", None))
    typed = any(isinstance(node, ast.AnnAssign | ast.FunctionDef) for node in ast.walk(tree))
    assert not typed or "from __future__ import annotations" in path.read_text()

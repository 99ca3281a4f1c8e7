"""The conformance page names tests that exist, and leaves out no number."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PAGE = (ROOT / "docs" / "conformance.md").read_text("utf-8")
# as the list of checks numbers them, gaps included
GAPS = {5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75}
CHECKS = [str(number) for number in range(1, 80) if number not in GAPS]
HEADLESS = [str(number) for number in range(1, 60) if number % 5]
DEFECTS = [f"D{number:02}" for number in range(1, 51)]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows(title: str) -> list[list[str]]:
    """Return the cells of a section's table, its head left out."""
    part = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


SECTIONS = re.findall(r"(?m)^## (.+)$", PAGE)
ROWS = [(title, row) for title in SECTIONS for row in rows(title)]


@functools.cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    found = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


def test_every_check_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Numbered checks")] == CHECKS


def test_every_headless_check_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Checks of headless batches")] == HEADLESS


def test_every_defect_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Defects of the original")] == DEFECTS


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{title}: {row[0]}" for title, row in ROWS])
def test_a_row_names_tests_that_exist_or_a_reason(title: str, row: list[str]) -> None:
    assert len(row) == (2 if title == "Faults to survive" else 3)
    assert all(row)
    proof = row[-1]
    named = NAMED.findall(proof)
    if not named:
        assert proof.startswith(("not there: ", "does not apply: "))
    assert len(named) == proof.count("::"), "a test's name is misspelt"
    for file, name in named:
        assert (TESTS / file).is_file(), file
        assert name in names_in(file), f"{file} has no {name}"

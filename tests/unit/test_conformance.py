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
NODE_DEFECTS = [f"N{number:02}" for number in range(1, 19)]
# the groups of a SlapOS master's checks, with the numbers that were given
MASTER = {
    "A": "1-4 6-8",
    "B": "1 3-6",
    "C": "1-4 6-9 11-14 16-19",
    "D": "1-4 6-9 11",
    "E": "1-3",
    "F": "1-4 6-9",
    "G": "1-2",
    "H": "1-2 4-6",
    "W": "1 3-6 8-11 13-16 18-21",
    "R": "2-5 7-10 12-15 17-20",
    "T": "2-5 7-10",
    "L": "2-5 7-10 12-15 17-19",
    "M": "1 3-6 8",
    "S": "1-6",
    "P": "2",
    "K": "1-3 5-6",
    "X": "1-28",
}
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
TEST = re.compile(r"test_")
CHECK = re.compile(r"[a-z]\d\d_")  # what the tests of a library run one by one
OF_A_MASTER = "Numbered checks of a SlapOS master"


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
    shape = CHECK if Path(file).name.startswith("checks_") else TEST
    return frozenset(name for name in found if shape.match(name))


@functools.cache
def source_of(file: str, name: str) -> str:
    """Return a test's lines, with what decorates it."""
    text = (TESTS / file).read_text("utf-8")
    found = (node for node in ast.parse(text).body if getattr(node, "name", "") == name)
    node = next(node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def numbered(group: str, ranges: str) -> list[str]:
    """Return the numbers of ``1-3 5`` as the table has them."""
    ends = [(each.partition("-")[0], each.rpartition("-")[2]) for each in ranges.split()]
    return [f"{group}{number:02}" for first, last in ends for number in range(int(first), int(last) + 1)]


def test_every_check_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Numbered checks")] == CHECKS


def test_every_check_of_a_node_stands_once_and_in_order() -> None:
    # numbered as those of the engine are
    assert [row[0] for row in rows("Numbered checks of a SlapOS node")] == CHECKS
    assert [row[0] for row in rows("Defects of the original node")] == NODE_DEFECTS


def test_every_headless_check_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Checks of headless batches")] == HEADLESS


def test_every_defect_stands_once_and_in_order() -> None:
    assert [row[0] for row in rows("Defects of the original")] == DEFECTS


def test_every_check_of_a_master_stands_once_and_in_order() -> None:
    wanted = [number for group, ranges in MASTER.items() for number in numbered(group, ranges)]
    assert [row[0] for row in rows(OF_A_MASTER)] == wanted


@pytest.mark.parametrize("row", rows(OF_A_MASTER), ids=lambda row: row[0])
def test_what_proves_a_check_of_a_master_names_it(row: list[str]) -> None:
    said = "\n".join(source_of(file, name) for file, name in NAMED.findall(row[-1]))
    assert re.search(rf"(?<![a-zA-Z0-9]){row[0]}(?![0-9])", said, re.IGNORECASE)


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{title}: {row[0]}" for title, row in ROWS])
def test_a_row_names_tests_that_exist_or_a_reason(title: str, row: list[str]) -> None:
    assert len(row) == (2 if title.startswith("Faults ") else 3)
    assert all(row)
    proof = row[-1]
    named = NAMED.findall(proof)
    if not named:
        assert proof.startswith(("not there: ", "does not apply: "))
    assert len(named) == proof.count("::"), "a test's name is misspelt"
    for file, name in named:
        assert (TESTS / file).is_file(), file
        assert name in names_in(file), f"{file} has no {name}"

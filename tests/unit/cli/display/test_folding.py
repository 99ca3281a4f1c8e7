import re
import time
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.display.folding import KINDS, as_lines, describe, difference, fold, headline
from pilothouse.cli.display.palette import plain

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "  d"]), max_size=8)
OUTPUTS = st.dictionaries(st.integers(0, 30).map(lambda n: f"web-{n}"), LINES, max_size=20)


def patched(common: Sequence[str], changes: Sequence[str]) -> list[str]:
    """Apply a unified difference."""
    result: list[str] = []
    position = 0
    for change in changes:
        if match := re.match(r"@@ -(\d+)(?:,(\d+))? ", change):
            begin = int(match[1]) - (match[2] != "0")
            result += common[position:begin]
            position = begin
        elif change[0] == "+":
            result.append(change[1:])
        else:
            assert common[position] == change[1:]
            position += 1
            if change[0] == " ":
                result.append(change[1:])
    return [*result, *common[position:]]


@given(OUTPUTS)
def test_every_node_is_in_one_fold_with_its_own_output(outputs: dict[str, list[str]]) -> None:
    folds = fold(outputs.items())
    assert {node: list(item.lines) for item in folds for node in item.nodes} == outputs
    assert sum(len(item.nodes) for item in folds) == len(outputs)


@given(OUTPUTS)
def test_no_output_twice_and_the_commonest_first(outputs: dict[str, list[str]]) -> None:
    folds = fold(outputs.items())
    assert len({item.lines for item in folds}) == len(folds)
    sizes = [len(item.nodes) for item in folds]
    assert sizes == sorted(sizes, reverse=True)


@given(LINES, LINES)
def test_the_difference_leads_from_one_to_the_other(common: list[str], other: list[str]) -> None:
    changes = difference(common, other)
    assert patched(common, changes) == other
    assert bool(changes) == (common != other)


@given(OUTPUTS)
def test_a_person_reads_of_every_kind(outputs: dict[str, list[str]]) -> None:
    folds = fold(outputs.items())
    heads = [line for line in plain(describe(folds, kinds=100)) if re.match(r"\d+ nodes?: ", line)]
    assert len(heads) == len(folds)


def test_997_agree_and_3_differ() -> None:
    outputs = [(f"web-{n}", ["version = 1.2", "path = /opt", "port = 80"]) for n in range(1, 998)]
    outputs += [(f"web-{n}", ["version = 1.3", "path = /opt", "port = 80"]) for n in range(998, 1001)]
    folds = fold(outputs)
    assert headline(folds) == "997 of 1,000 nodes agree, 3 differ in 1 way"
    assert headline(fold([("a", ["x"]), ("b", ["x"]), ("c", ["y"])])) == "2 of 3 nodes agree, 1 differs in 1 way"
    assert plain(describe(folds)) == [
        "997 nodes: web-[1-997]",
        "  version = 1.2",
        "  path = /opt",
        "  port = 80",
        "",
        "3 nodes: web-[998-1000]",
        "  differs from that of 997 nodes:",
        "  @@ -1,3 +1,3 @@",
        "  -version = 1.2",
        "  +version = 1.3",
        "   path = /opt",
        "   port = 80",
    ]


def test_nodes_that_all_differ_are_shown_in_full_and_not_all() -> None:
    folds = fold((f"n{n}", [f"host n{n}"]) for n in range(100))
    assert headline(folds) == "100 nodes, all different"
    lines = plain(describe(folds))
    assert "  host n1" in lines
    assert not any(line.startswith("  @@") for line in lines)
    assert lines[-1] == f"... and {100 - KINDS} other outputs of {100 - KINDS} nodes; all: --json"


def test_one_node_nothing_and_long_texts() -> None:
    assert headline(fold([("n", ["x"])])) == "1 node"
    assert headline(fold([("n", ["x"]), ("m", ["x"])])) == "2 nodes, the same"
    assert plain(describe(fold([("n", [])]))) == ["1 node: n", "  (nothing)"]
    assert describe([]) == []
    assert plain(describe(fold([("n", ["x"] * 10)]), most=3))[-1] == "  ... and 7 more lines; all: --json"


def test_escapes_never_reach_the_terminal() -> None:
    folds = fold([("a", ["\x1b[31mred\x1b]0;title\x07"]), ("b", ["\x1b[31mred\x1b]0;title\x07"]), ("c", ["\x1b[2J"])])
    assert "\x1b" not in "\n".join(plain(describe(folds)))


def test_values_become_lines() -> None:
    values = {"text": "two\nlines", "number": 7, "empty": "", "list": [1, {"b": 2, "a": "x"}], "none": None}
    assert as_lines(values) == [
        "text = two",
        "    lines",
        "number = 7",
        "empty =",
        'list = [1,{"a":"x","b":2}]',
        "none = null",
    ]


def test_a_thousand_nodes_of_a_thousand_lines_are_fast() -> None:
    text = [f"line {n}" for n in range(1000)]
    outputs = [(f"web-{n}", [*text, f"end {n % 7}"]) for n in range(1000)]
    started = time.monotonic()
    describe(fold(outputs))
    assert time.monotonic() - started < 2

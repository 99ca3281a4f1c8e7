from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.display.bars import bar, phrase, shares, signs, words
from pilothouse.cli.display.board import Counts, Standing
from pilothouse.cli.display.palette import ASCII, FANCY


def counts(**numbers: int) -> Counts:
    made = Counts()
    for name, number in numbers.items():
        made.grow(number)
        for _ in range(number):
            made.move(Standing.PENDING, Standing(name))
    return made


def test_one_failure_among_many_is_seen() -> None:
    assert shares(counts(succeeded=999, failed=1), 10) == [(Standing.SUCCEEDED, 9), (Standing.FAILED, 1)]


@given(
    st.dictionaries(st.sampled_from([s.value for s in Standing]), st.integers(1, 50), min_size=1), st.integers(1, 90)
)
def test_a_bar_has_its_width(numbers: dict[str, int], width: int) -> None:
    assert sum(size for _, size in shares(counts(**numbers), width)) == width


def test_without_colours_the_marks_differ() -> None:
    made = counts(succeeded=2, failed=2, running=2, pending=2)
    assert "".join(text for text, _ in bar(made, 8, ASCII, colours=False)) == "==xx>>.."
    assert "".join(text for text, _ in bar(made, 8, ASCII, colours=True)) == "========"


def test_an_empty_phase_has_an_empty_bar() -> None:
    assert bar(counts(), 4, ASCII, colours=True) == [("....", "bright_black")]


def test_counts_in_words_and_signs() -> None:
    made = counts(succeeded=1200, failed=2, skipped=1)
    assert "".join(text for text, _ in words(made, FANCY)) == "✓ 1,200 ok   ↷ 1 skipped   ✗ 2 failed"
    assert "".join(text for text, _ in signs(made, FANCY)) == "✓1200 ↷1 ✗2"
    assert phrase(made) == "1200 ok, 1 skipped, 2 failed"
    assert phrase(counts()) == "no nodes"

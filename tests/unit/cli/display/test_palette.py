import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cli.display.story import node

from pilothouse.cli.display import palette


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("10%\r20%\r30%\r\n", "30%"),
        ("a\tb", "a   b"),
        ("bell\x07 back\x08 nul\x00", "bell  back  nul"),
        ("evil\u202etxt", "evil txt"),
        ("数据库 ok", "数据库 ok"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert palette.clean(text) == shown


@given(st.text())
def test_clean_text_is_printable(text: str) -> None:
    assert palette.clean(text).isprintable()


@given(
    st.lists(st.tuples(st.text("ab 数据库", max_size=12), st.just("")), max_size=5).map(tuple),
    st.integers(1, 40),
    st.sampled_from(["…", "..."]),
)
def test_a_fitted_line_never_is_too_wide(line: palette.Line, width: int, more: str) -> None:
    fitted = palette.fit(line, width, more)
    size = sum(palette.cells(text) for text, _ in line)
    assert sum(palette.cells(text) for text, _ in fitted) <= width
    assert (fitted == line) == (size <= width)


def test_pad_counts_columns() -> None:
    assert palette.pad("数据库", 8, "…") == "数据库  "
    assert palette.pad("数据库服务器", 8, "…") == "数据库… "


def test_times_and_speeds() -> None:
    assert [palette.duration(seconds) for seconds in (0.9, 42, 725, 3723)] == ["0:00", "0:42", "12:05", "1:02:03"]
    assert [palette.took(seconds) for seconds in (0.44, 42, 725)] == ["0.4 s", "42.0 s", "12:05"]
    assert [palette.speed(rate) for rate in (120.4, 2.25, 0.2)] == ["120/s", "2.2/s", "12/min"]


def test_names() -> None:
    assert palette.name_of(node(1)) == "web-1"
    assert palette.name_of(node(1, "")) == "10.0.0.1:22"
    assert palette.full_name_of(node(1)) == "web-1 (10.0.0.1)"
    assert palette.full_name_of(node(1, "10.0.0.1")) == "10.0.0.1"


def test_marks_suit_the_encoding() -> None:
    assert palette.marks_for("utf-8") is palette.FANCY
    assert palette.marks_for("ascii") is palette.ASCII
    assert palette.marks_for("no-such-encoding") is palette.ASCII

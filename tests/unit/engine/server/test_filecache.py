"""Names that servers give to files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.engine.server.filecache import safe_name


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("pkg.txt", "pkg.txt"),
        ("../../etc/passwd", "passwd"),
        ("/abs/olute", "olute"),
        ("C:\\temp\\a.bat", "a.bat"),
        ("..", ""),
        (".", ""),
        ("", ""),
        ("a\nb", "a_b"),
        ("包.tar.gz", "包.tar.gz"),
    ],
)
def test_only_the_last_part_of_a_name_counts(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text())
def test_a_safe_name_is_one_part_of_bounded_length(text: str) -> None:
    name = safe_name(text)
    assert "/" not in name
    assert "\\" not in name
    assert "\0" not in name
    assert name not in {".", ".."}
    assert len(name.encode("utf-8", "surrogateescape")) <= 200

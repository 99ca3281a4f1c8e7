"""Lines out of bytes: any chunking, any character set, any size (spec section 5.4; check 77)."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from pilothouse.engine.lines import LineReader


def read(*chunks: bytes, encodings: tuple[str, ...] = ("GBK",)) -> list[str]:
    reader = LineReader(encodings)
    return [line for chunk in chunks for line in reader.feed(chunk)] + reader.flush()


PIECES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"ab", "\u4e2d\u6587".encode(), "\u4e2d\u6587".encode("gbk"), b"\xff"])
    | st.binary(max_size=4),
    max_size=12,
).map(b"".join)


@examples(400)
@given(data=PIECES, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_any_chunking_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    chunks = [data[start:end] for start, end in itertools.pairwise(places)]
    assert read(*chunks) == read(data)
    assert read(*(data[i : i + 1] for i in range(len(data)))) == read(data)


@given(PIECES)
def test_no_line_has_an_end_inside_and_none_is_lost(data: bytes) -> None:
    found = read(data)
    assert all("\n" not in line and not line.endswith("\r") for line in found)
    assert len(found) == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"a\r\nb\r\r\nc\r", ["a", "b", "c"]),
        (b"10%\r20%\n", ["10%\r20%"]),
        ("\u4e2d\n".encode() + "\u6587\n".encode("gbk") + "\u5b57\n".encode(), ["\u4e2d", "\u6587", "\u5b57"]),
        ("\u6587\r\n".encode("gbk") + b"plain\r\n", ["\u6587", "plain"]),
        (b"\xff\xff\n", ["\\xff\\xff"]),
        ("a\u2028b\x85c\x0bd\n".encode(), ["a\u2028b\x85c\x0bd"]),
    ],
)
def test_lines(data: bytes, expected: list[str]) -> None:
    assert read(data) == expected


def test_character_sets_are_tried_in_order() -> None:
    assert read(b"\xe9\n", encodings=("ascii", "latin-1")) == ["\u00e9"]
    assert read(b"\xe9\n", encodings=()) == ["\\xe9"]
    assert read(b"\xff\n", encodings=("idna", "utf-16")) == ["\\xff"]


def test_an_empty_chunk_changes_nothing() -> None:
    assert read(b"", b"a", b"", b"b\n", b"") == ["ab"]


def test_a_line_of_ten_megabytes_arrives_whole() -> None:
    line = b"x" * 10_000_000
    reader = LineReader()
    began = time.process_time()
    found = [text for i in range(0, len(line), 4096) for text in reader.feed(line[i : i + 4096])]
    found += reader.feed(b"\nnext")
    assert found == [line.decode()]
    assert reader.flush() == ["next"]
    assert time.process_time() - began < 2


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader = LineReader()
    found = [text for _ in range(40) for text in reader.feed(b"x" * 1_000_000)]
    assert len(found) >= 2
    assert sum(map(len, found + reader.flush())) == 40_000_000


@pytest.mark.parametrize("line", [b"an ordinary line of output\r\n", "\u4e2d\u6587 line\n".encode("gbk")])
def test_a_hundred_thousand_lines_are_quick(line: bytes) -> None:
    data = line * 100_000
    reader = LineReader(("GBK",))
    began = time.process_time()
    count = sum(len(reader.feed(data[i : i + 65536])) for i in range(0, len(data), 65536))
    assert time.process_time() - began < 2
    assert count == 100_000


def test_a_known_character_set_comes_first() -> None:
    both = "é".encode()  # two characters in Latin-1, one in UTF-8
    assert LineReader(("GBK",), "latin-1").feed(both + b"\n") == ["Ã©"]
    assert LineReader((), "GBK").feed("密码".encode("GBK") + b"\nplain\n") == ["密码", "plain"]
    assert LineReader((), "utf8").feed("密码\n".encode()) == ["密码"]
    assert LineReader((), "ascii").feed(both + b"\n") == ["é"]

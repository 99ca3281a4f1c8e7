import io
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pilothouse.cli.tail import Tail, start_of_last


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert list(tail.lines()) == []
    with path.open("ab", buffering=0) as log:
        log.write(b"one\ntw")
        assert list(tail.lines()) == [b"one"]
        log.write(b"o\n\nthree")
        assert list(tail.lines()) == [b"two", b""]
        assert list(tail.lines()) == []
        assert list(tail.lines(final=True)) == [b"three"]
    tail.close()


def test_a_file_in_its_place_is_read_after_the_rest_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as old:
        old.write(b"one\n")
        tail = Tail(path)
        assert list(tail.lines()) == [b"one"]
        path.unlink()
        assert list(tail.lines()) == []
        old.write(b"two\nno end")
        path.write_bytes(b"new\n")
        assert list(tail.lines()) == [b"two", b"no end", b"new"]
    tail.close()


def test_a_file_made_shorter_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    tail = Tail(path)
    assert list(tail.lines()) == [b"one", b"two"]
    with path.open("r+b") as log:
        log.truncate(0)
        log.write(b"x\n")
    assert list(tail.lines()) == [b"x"]
    tail.close()


def test_what_is_there_can_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    tail.skip(2)
    path.write_bytes(b"one\ntwo\nthree\n")
    tail.skip(2)
    assert list(tail.lines()) == [b"two", b"three"]
    tail.skip(0)
    with path.open("ab") as log:
        log.write(b"four\n")
    assert list(tail.lines()) == [b"four"]
    tail.close()


@given(st.binary(max_size=300).map(lambda data: data.replace(b"x", b"\n")), st.integers(0, 12))
def test_the_last_lines_are_those_at_the_end(data: bytes, wanted: int) -> None:
    stream = io.BytesIO(data)
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    start = start_of_last(stream, wanted)
    found = data[start:].split(b"\n") if data[start:] else []
    if found and found[-1] == b"":
        found.pop()
    assert found == (lines[-wanted:] if wanted else [])


def test_the_last_lines_of_a_large_file() -> None:
    data = b"".join(b"line %d\n" % number for number in range(200_000))
    assert data[start_of_last(io.BytesIO(data), 50_000) :].startswith(b"line 150000\n")
    assert start_of_last(io.BytesIO(data), 300_000) == 0

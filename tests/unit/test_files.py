"""Files: whole or not at all, and never outside their folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from pilothouse.errors import UsageError
from pilothouse.files import confine, replace_link, write_atomic


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


LIMITED = """
import resource, sys
from pathlib import Path
from pilothouse.files import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomic(Path(sys.argv[1]), b"n" * 10_000, durable=sys.argv[2] == "durable")
except OSError as error:
    print("refused", error.filename)
"""


@pytest.mark.parametrize("durable", [False, True])
def test_content_and_mode_are_replaced(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "deep" / "er" / "file"
    write_atomic(path, b"one", durable=durable)
    write_atomic(path, b"two", mode=0o600, durable=durable)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("name", ["\u540d" * 84, "\U0001f600" * 63, "x" * 255])
def test_the_longest_names_of_the_file_system_can_be_written(tmp_path: Path, name: str) -> None:
    write_atomic(tmp_path / name, b"content")
    replace_link(tmp_path / name, tmp_path / "link" / name)
    assert (tmp_path / "link" / name).read_bytes() == b"content"


@pytest.mark.parametrize("durable", ["durable", "quick"])
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, durable: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", LIMITED, path, durable], capture_output=True, text=True, check=True)
    assert done.stdout == f"refused {path}\n"
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(FileExistsError) as raised:
        write_atomic(tmp_path / "plain" / "file", b"content")
    assert raised.value.filename == str(tmp_path / "plain")


READER = """
import sys
while True:
    data = open(sys.argv[1], "rb").read()
    if len(data) != 200_000 or len(set(data)) != 1:
        sys.exit(1)
    print(".", end="", flush=True)
"""


def test_a_reader_sees_one_version_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [bytes([65 + number]) * 200_000 for number in range(2)]
    write_atomic(path, versions[0])
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            READER,
            path,
        ],
        stdout=subprocess.PIPE,
    )
    assert reader.stdout is not None
    try:
        assert reader.stdout.read(1) == b"."
        for number in range(300):
            write_atomic(path, versions[number % 2])
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.communicate()


def test_a_link_is_replaced_whatever_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "links" / "target"
    source.write_bytes(b"x")
    replace_link(source, target)
    replace_link(source, target)
    assert target.samefile(source)
    target.unlink()
    target.symlink_to("/nowhere")
    replace_link(source, target)
    assert target.samefile(source)
    assert names(target.parent) == ["target"]


@pytest.mark.parametrize("parts", [("..",), ("a", "../.."), ("/etc/passwd",), ("",), (".",), ("a/..",), ("a\0b",)])
def test_what_leads_out_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="leads out of /jobs/1"):
        confine(Path("/jobs/1"), *parts)


@pytest.mark.parametrize("root", ["/jobs/1", "/jobs/../jobs/1", "jobs/1", "../jobs", "/"])
def test_plain_names_lie_below_any_root(root: str) -> None:
    assert confine(Path(root), "log", "phase", "a.txt") == Path(root) / "log" / "phase" / "a.txt"


@examples(300)
@given(st.lists(st.text(alphabet="./ab\0~", max_size=6) | st.sampled_from(["..", "/etc", "/jobs/1/x"]), max_size=4))
def test_nothing_leads_outside(parts: list[str]) -> None:
    root = Path("/jobs/1")
    try:
        found = confine(root, *parts)
    except UsageError:
        return
    assert Path(os.path.normpath(found)).is_relative_to(root)
    assert found != root
    assert ".." not in found.parts

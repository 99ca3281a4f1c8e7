"""Scripts that are archives (spec sections 6.5 and 6.6)."""

import io
import stat
import tarfile
from pathlib import Path

import pytest
from tests.archives import tar

from pilothouse.engine.packages import entry_command, entry_of, laid, members, unpacked
from pilothouse.errors import UsageError

FILES: dict[str, str | bytes] = {"./run.sh": "echo hi", "lib/tool": "#!/bin/sh\n", "data.bin": bytes(range(256))}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_members_come_as_they_are_and_links_as_copies(mode: str) -> None:
    found = members(tar(FILES, links={"./again": "lib/../lib/other", "lib/other": "tool"}, mode=mode))
    assert {file.name: (file.content, file.mode) for file in found} == {
        "run.sh": (b"echo hi", 0o600),
        "lib/tool": (b"#!/bin/sh\n", 0o700),
        "data.bin": (bytes(range(256)), 0o600),
        "lib/other": (b"#!/bin/sh\n", 0o700),
        "again": (b"#!/bin/sh\n", 0o700),
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no archive", "cannot be unpacked"),
        (tar(FILES, mode="w:gz")[:150], "cannot be unpacked"),
        (tar({"../evil": "x"}), "outside"),
        (tar(FILES, links={"out": "../../etc/passwd"}), "outside"),
        (tar(FILES, links={"out": "/etc/passwd"}), "absolute"),
        (tar(FILES, links={"out": "nowhere"}), "out leads to no file in it"),
        (tar(FILES, links={"a": "b", "b": "a"}), "a leads to no file in it"),
    ],
)
def test_what_cannot_be_laid_down_safely_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        members(content)


def test_devices_are_refused() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("pipe")
        member.type = tarfile.FIFOTYPE
        archive.addfile(member)
    with pytest.raises(UsageError, match="special file"):
        members(packed.getvalue())


@pytest.mark.parametrize(
    ("held", "chosen"),
    [
        (["install", "install.sh", "run.sh"], "install"),
        (["install.sh", "run.sh"], "install.sh"),
        (["run.sh", "lib/install"], "run.sh"),
    ],
)
def test_the_entry_is_named_like_the_operation_or_run_sh(held: list[str], chosen: str) -> None:
    found = members(tar(dict.fromkeys(held, "x")))
    for operation in ("install", "group/install"):
        assert entry_of(found, operation).name == chosen


def test_an_archive_without_an_entry_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no file install or install.sh or run.sh at its top; it holds a, b"):
        entry_of(members(tar({"a/run.sh": "x", "a/y": "x", "b": "x"})), "install")


def test_the_entry_can_be_started_with_or_without_an_interpreter_line() -> None:
    found = members(tar({"run.sh": "echo"}))
    entry = entry_of(found, "x")
    assert laid(found, entry)[0].mode == 0o700
    assert entry_command(entry, "./run.sh") == ("sh", "-l", "./run.sh")
    other = entry_of(members(tar({"run.sh": "#!/usr/bin/perl\n"})), "x")
    assert entry_command(other, "./run.sh") == ("./run.sh",)


def test_each_content_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = set()
    for text in ("one", "two", "one"):
        content = tar({"run.sh": text, "lib/a": "#!"})
        folder = unpacked(content, members(content), tmp_path / "op_1")
        assert (folder / "run.sh").read_text() == text
        assert stat.S_IMODE((folder / "lib" / "a").stat().st_mode) == 0o700
        folders.add(folder)
    assert len(folders) == 2

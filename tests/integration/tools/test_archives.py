"""Archives made and extracted on targets."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, run_on_target
from tests.integration.tools.test_copies import content

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


@pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_packed_is_extracted_as_it_was(tmp_path: Path, ending: str, shell: tuple[str, ...]) -> None:
    base = tmp_path / "base"
    (base / "a b/deep").mkdir(parents=True)
    (base / "a b/deep/-x").write_text("x", "utf-8")
    (base / "run").write_text("#!/bin/sh\n", "utf-8")
    (base / "run").chmod(0o755)
    (base / "a b/link").symlink_to("deep/-x")
    archive = tmp_path / f"new/made{ending}"
    words = ("--base", str(base), "--src", "a b, run", "--dest", str(archive))
    ran = run_on_target("fileops/package", *words, folder=tmp_path / "t", shell=shell)
    assert ran.code == 0, ran.log
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert ran.outputs == {"filePath": str(archive), "checksum": checksum}
    assert list(archive.parent.iterdir()) == [archive]
    out = tmp_path / "out"
    ran = run_on_target(
        "fileops/extract", "--src", str(archive), "--dest", str(out), folder=tmp_path / "t", shell=shell
    )
    assert ran.code == 0, ran.log
    assert content(out) == content(base)
    assert (out / "run").stat().st_mode & 0o777 == 0o755
    assert list(out.glob(".extract-*")) == []


def tar_with(path: Path, **member: object) -> None:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo()
        for name, value in member.items():
            setattr(info, name, value)
        archive.addfile(info, io.BytesIO(b"x" * info.size))


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../outside", "size": 1},
        {"name": "a/../../outside", "size": 1},
        {"name": "link", "type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"name": "link", "type": tarfile.SYMTYPE, "linkname": "../outside"},
    ],
)
def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path, member: dict[str, object]) -> None:
    tar_with(tmp_path / "bad.tar", **member)
    (tmp_path / "out").mkdir()
    words = ("--src", str(tmp_path / "bad.tar"), "--dest", str(tmp_path / "out"))
    ran = run_on_target("fileops/extract", *words, folder=tmp_path / "t")
    assert ran.code == 1, ran.log
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    tar_with(tmp_path / "bad.tar", name=str(tmp_path / "outside"), size=1)
    words = ("--src", str(tmp_path / "bad.tar"), "--dest", str(tmp_path / "out"))
    run_on_target("fileops/extract", *words, folder=tmp_path / "t")
    assert not (tmp_path / "outside").exists()


def test_a_zip_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../outside", "x")
    words = ("--src", str(tmp_path / "bad.zip"), "--dest", str(tmp_path / "out"))
    assert run_on_target("fileops/extract", *words, folder=tmp_path / "t").code == 1
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("extract", (), 2),
        ("extract", ("--src", "x.rar", "--dest", "y"), 2),
        ("extract", ("--src", "gone.tar", "--dest", "y"), 1),
        ("extract", ("--src", "../x.tar", "--dest", "y"), 2),
        ("package", ("--src", "x", "--dest", "y"), 2),
        ("package", ("--src", "gone", "--dest", "y.tar"), 1),
        ("package", ("--src", "/etc/hosts", "--dest", "y.tar"), 2),
        ("package", ("--src", "a/../../b", "--dest", "y.tar"), 2),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, name: str, words: tuple[str, ...], code: int) -> None:
    ran = run_on_target(f"fileops/{name}", *words, folder=tmp_path)
    assert (ran.code, "ERROR: " in ran.log) == (code, True)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.tar.gz").write_bytes(b"no archive")
    words = ("--src", str(tmp_path / "bad.tar.gz"), "--dest", str(tmp_path / "out"))
    assert run_on_target("fileops/extract", *words, folder=tmp_path / "t").code == 1

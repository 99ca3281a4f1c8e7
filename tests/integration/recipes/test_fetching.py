"""Recipes that fetch: files beside a profile on a web server, packages by pip from an index that is a folder."""

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.buildouts import part
from tests.webserver import Answer, WebServer, serving
from zc.buildout import UserError

from pilothouse.recipes.packages import Packages
from pilothouse.recipes.programs import Programs
from pilothouse.recipes.release import Release


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip know a folder with one wheel, and nothing else; PATH has no program that the wheel has."""
    folder = tmp_path / "index"
    folder.mkdir()
    about = "served-1.0.dist-info"
    with zipfile.ZipFile(folder / "served-1.0-py3-none-any.whl", "w") as wheel:
        program = zipfile.ZipInfo("served/bin/serve")
        program.external_attr = (stat.S_IFREG | 0o755) << 16
        wheel.writestr(program, "#!/bin/sh\n")
        wheel.writestr("served/__init__.py", "")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: served\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    for name, value in (("NO_INDEX", "1"), ("FIND_LINKS", str(folder)), ("EXTRA_INDEX_URL", "")):
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PATH", "/nowhere")
    return folder


def programs(folder: Path, requirements: str) -> Programs:
    return part(Programs, folder, programs="serve", within="served/bin", requirements=requirements, advice="Get it.")


def test_files_of_a_release_on_a_web_server(web: WebServer, tmp_path: Path) -> None:
    web.answers["/r/instance.cfg"] = Answer(200, b"[buildout]\n")
    web.answers["/shared.sh"] = Answer(200, b"true\n")
    (tmp_path / "buildout.cfg").write_text(f"[buildout]\nextends = {web.url}/r/software.cfg\n")
    part(Release, tmp_path, files="instance.cfg ../shared.sh").install()
    assert (tmp_path / "instance.cfg").read_bytes() == b"[buildout]\n"
    assert (tmp_path / "shared.sh").read_bytes() == b"true\n"
    with pytest.raises(UserError, match="/r/gone cannot be read: HTTP Error 404"):
        part(Release, tmp_path, files="gone").install()


def test_packages_are_installed_once(index: Path, tmp_path: Path) -> None:
    made = part(Packages, tmp_path, "libraries", requirements="served==1.0")
    assert made.install() == [made.options["path"]] == [str(tmp_path / "parts/libraries")]
    assert (tmp_path / "parts/libraries/served/__init__.py").exists()
    (index / "served-1.0-py3-none-any.whl").unlink()
    assert made.update() == [made.options["path"]]
    with pytest.raises(UserError, match=r"(?s)pip cannot install served==1.0:.*No matching distribution"):
        made.install()


def test_programs_that_are_missing_come_from_the_index(index: Path, tmp_path: Path) -> None:
    made = programs(tmp_path, "served==1.0")
    assert made.options["bin"] == str(tmp_path / "parts/it/served/bin")
    assert made.install() == [str(tmp_path / "parts/it")]
    assert (tmp_path / "parts/it/served/bin/serve").exists()
    with pytest.raises(UserError, match=r"(?s)^missing on this machine: serve. Get it.\npip cannot install none==1.0"):
        programs(tmp_path / "other", "none==1.0").install()

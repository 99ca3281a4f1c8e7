"""Copying between the runner and a node, over a real SSH server and here."""

import json
import os
from pathlib import Path

import pytest
from tests.integration.tools.running import Ran, run_on_runner
from tests.sshd import Sshd
from tests.tagentd import CREDENTIAL, Tagentd

from pilothouse.settings import for_processes


@pytest.fixture(params=["ssh", "local", "tagent"])
def node(request: pytest.FixtureRequest, sshd: Sshd, tagentd: Tagentd, tmp_path: Path) -> dict[str, str]:
    """The environment of an operation on a node that is reached in each way."""
    found = {"resourceId": 7, "host": "127.0.0.1", "port": 80, "protocol": request.param}
    if request.param == "ssh":
        found |= {"protocolPort": sshd.port, "username": sshd.user}
    if request.param == "tagent":
        found |= {"protocolPort": tagentd.port, "password": CREDENTIAL}
    return {"AUTOEXEC_NODE": json.dumps(found), **for_processes(sshd.settings())}


def copy(node: dict[str, str], folder: Path, *words: str, tool: str = "remotecopy") -> Ran:
    return run_on_runner(f"fileops/{tool}", *words, folder=folder, environment=node)


def content(folder: Path) -> dict[str, str]:
    """Return every file's text, every link's target, every folder's mark."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        found[name] = (
            f"-> {path.readlink()}" if path.is_symlink() else "/" if path.is_dir() else path.read_text("utf-8")
        )
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with what copies stumble over."""
    base = tmp_path / "tree"
    (base / "deep er/empty").mkdir(parents=True)
    (base / "it's $HOME.txt").write_text("quoted", "utf-8")
    (base / "deep er/-n*").write_text("dash", "utf-8")
    (base / "deep er/ünï").write_text("letters", "utf-8")
    (base / "run").write_text("#!/bin/sh\n", "utf-8")
    (base / "run").chmod(0o750)
    (base / "link").symlink_to("run")
    return base


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_a_folder_arrives_as_it_is(node: dict[str, str], tmp_path: Path, tree: Path, direction: str) -> None:
    target = tmp_path / "there"
    ran = copy(node, tmp_path, "--direction", direction, "--src", str(tree), "--dest", str(target))
    assert ran.code == 0, ran.log
    assert content(target) == content(tree)
    assert (target / "run").stat().st_mode & 0o777 == 0o750
    assert "FINE: 4 files copied and verified" in ran.log
    again = copy(node, tmp_path, "--direction", direction, "--src", str(tree), "--dest", str(target))
    assert again.code == 0
    assert content(target / "tree") == content(tree)


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_several_sources_and_patterns_keep_their_names(
    node: dict[str, str], tmp_path: Path, tree: Path, direction: str
) -> None:
    words = ("--src", f"{tree}/ru*, {tree}/link", "--dest", str(tmp_path / "new/place"), "--followlinks", "1", "--np")
    ran = copy(node, tmp_path, "--direction", direction, *words)
    assert ran.code == 0, ran.log
    assert content(tmp_path / "new/place") == {"run": "#!/bin/sh\n", "link": "#!/bin/sh\n"}
    assert (tmp_path / "new/place/run").stat().st_mode & 0o111 == 0


@pytest.mark.parametrize("direction", ["push", "pull"])
def test_a_source_that_is_missing_fails_unless_told(node: dict[str, str], tmp_path: Path, direction: str) -> None:
    words = ("--direction", direction, "--src", str(tmp_path / "gone"), "--dest", str(tmp_path / "x"))
    ran = copy(node, tmp_path, *words)
    assert (ran.code, "there is no such file or folder" in ran.log) == (1, True)
    assert copy(node, tmp_path, *words, "--cpifexists").code == 0
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("source", "destination"),
    [("../x", "/tmp/x"), ("a/../../x", "/tmp/x"), ("/etc/hosts", "/tmp/../x"), (",", "/tmp/x")],
)
def test_paths_that_lead_upwards_are_refused(tmp_path: Path, source: str, destination: str) -> None:
    ran = copy({}, tmp_path, "--src", source, "--dest", destination)
    assert (ran.code, ran.log.startswith("ERROR: ")) == (2, True)


def test_a_file_that_cannot_take_its_place_leaves_nothing(node: dict[str, str], tmp_path: Path, tree: Path) -> None:
    target = tmp_path / "there"
    (target / "run/in/the/way").mkdir(parents=True)
    ran = copy(node, tmp_path, "--src", str(tree / "run"), "--dest", f"{target}/")
    assert (ran.code, "is a folder, and a file is to be there" in ran.log) == (1, True)
    assert [path.name for path in target.iterdir()] == ["run"]


def test_an_unknown_host_key_stops_the_copy(sshd: Sshd, tmp_path: Path, tree: Path) -> None:
    reach = {"resourceId": 7, "host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port, "username": "x"}
    (tmp_path / "known").touch()
    environment = {
        **for_processes(sshd.settings(known_hosts=(tmp_path / "known",))),
        "AUTOEXEC_NODE": json.dumps(reach),
    }
    ran = copy(environment, tmp_path, "--src", str(tree), "--dest", str(tmp_path / "x"))
    assert (ran.code, "host key" in ran.log) == (1, True)


def test_uploaded_files_are_copied_through_their_links(node: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/17").write_text("cached", "utf-8")
    (tmp_path / "file").mkdir()
    (tmp_path / "file/setup.cfg").symlink_to(tmp_path / "cache/17")
    ran = copy(node, tmp_path, "--src", "file/setup.cfg", "--dest", f"{tmp_path}/up/", tool="remoteupload")
    assert ran.code == 0, ran.log
    assert content(tmp_path / "up") == {"setup.cfg": "cached"}


def test_a_folder_is_kept_alike_by_carrying_what_differs(node: dict[str, str], tmp_path: Path, tree: Path) -> None:
    target = tmp_path / "there"
    words = ("--src", "tree", "--dest", str(target))
    ran = copy(node, tmp_path, *words, tool="filesync")
    assert ran.outputs == {"syncResult": {"copied": 4, "unchanged": 0, "deleted": 0}}, ran.log
    os.utime(target / "run", (1, 1))
    (target / "deep er/ünï").write_text("changed", "utf-8")
    (target / "strange/folder").mkdir(parents=True)
    (target / "strange/folder/file").touch()
    ran = copy(node, tmp_path, *words, tool="filesync")
    assert ran.outputs == {"syncResult": {"copied": 1, "unchanged": 3, "deleted": 0}}, ran.log
    assert (target / "run").stat().st_mtime == 1
    ran = copy(node, tmp_path, *words, "--delete", tool="filesync")
    assert ran.outputs == {"syncResult": {"copied": 0, "unchanged": 4, "deleted": 3}}, ran.log
    assert content(target) == content(tree)


def test_files_go_from_node_to_node(node: dict[str, str], sshd: Sshd, tmp_path: Path, tree: Path) -> None:
    other = {"resourceId": 8, "host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port, "username": sshd.user}
    (tmp_path / "nodes.json").write_text(json.dumps(other), "utf-8")
    words = ("--src", f"{tree}/run,{tree}/link", "--dest", f"{tmp_path}/there")
    ran = copy(node, tmp_path, "--fromnode", "8", *words, tool="filep2ptrans")
    assert ran.code == 0, ran.log
    assert set(content(tmp_path / "there")) == {"run", "link"}
    assert copy(node, tmp_path, "--fromnode", "9", *words, tool="filep2ptrans").code == 2
    assert not list(tmp_path.glob(".p2p-*"))

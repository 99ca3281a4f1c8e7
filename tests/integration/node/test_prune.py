"""``slapos node prune`` (node spec, section 18)."""

import os
from pathlib import Path

import pytest
from tests.nodes import Machine


class Shelf:
    """Shared parts of a machine."""

    def __init__(self, node: Machine) -> None:
        self.root = node.root / "shared"
        node.configure("http://127.0.0.1:1/", "shared_part_list =", "  /nowhere/parts", f"  {self.root}")

    def part(self, name: str, signature: str, uses: str = "") -> Path:
        folder = self.root / name / signature
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").touch()
        (folder / ".buildout-shared.json").write_text(f'{{"me": "{signature}", "uses": "{uses}"}}')
        (folder / "deep").chmod(0o500)
        return folder

    def names(self) -> set[str]:
        return {path.name for path in self.root.glob("*/*")}


@pytest.fixture
def shelf(node: Machine) -> Shelf:
    return Shelf(node)


def test_unused_chains_go_and_used_ones_stay(node: Machine, shelf: Shelf) -> None:
    release = node.release()
    for part in (
        ("a", "1used"),
        ("b", "2chain", "3end"),
        ("c", "3end"),
        ("d", "4base"),
        ("e", "5program"),
        ("f", "6self"),
    ):
        shelf.part(*part)
    shelf.part("g", "7keeper", "4base")
    (release / ".installed.cfg").write_text("x = /shared/a/1used\ny = 7keeper")
    (release / "bin" / "tool").write_text("#!5program")
    (release / "bin" / "binary").write_bytes(b"\xff 6self")
    os.mkfifo(release / "bin" / "pipe")
    done = node.run("prune", "--dry-run")
    assert len(shelf.names()) == 7
    assert all(f"Unused shared parts at {shelf.root}/{name}" in done.err for name in ("b/2chain", "c/3end", "f/6self"))
    assert "removed" not in done.err
    done = node.run("prune")
    assert shelf.names() == {"1used", "4base", "5program", "7keeper"}
    assert f"Pruning shared directories at {shelf.root}" in done.err
    assert f"{shelf.root}/b/2chain ... removed" in done.err
    assert (shelf.root / "b").is_dir()


def test_nested_nodes_and_further_directories_count(node: Machine, shelf: Shelf, tmp_path: Path) -> None:
    for name in ("nested", "further", "loose"):
        shelf.part("a", name)
    inner = node.partition() / "srv"
    for folder in (inner / "soft" / "r", inner / "inst", tmp_path / "r"):
        folder.mkdir(parents=True)
    (inner / "slapos.cfg").write_text(
        f"[slapos]\nsoftware_root = {inner}/soft\ninstance_root = {node.instances}\nshared_part_list = /nowhere\n"
    )
    (inner / "inst" / "slapos.cfg").write_text("[slapos\nbroken")
    (inner / "soft" / "r" / ".installed.cfg").write_text("nested")
    (tmp_path / "r" / ".installed.cfg").write_text("further")
    words = ("--additional-software-directory", str(tmp_path), "--additional-software-directory", "/nowhere/x")
    done = node.run("prune", *words)
    assert shelf.names() == {"nested", "further"}
    assert "Additional software directory does not exist: /nowhere/x" in done.err


def test_it_waits_for_software(node: Machine, shelf: Shelf) -> None:
    shelf.part("a", "loose")
    pid = node.root / "software.pid"
    pid.write_text("garbage")
    assert "Cannot prune while software is running" in node.run("prune", code=255).err
    node.run("prune", "--dry-run")
    assert shelf.names() == {"loose"}
    pid.unlink()
    node.run("prune")
    assert not shelf.names()
    assert not pid.exists()


def test_nothing_is_shared(node: Machine) -> None:
    assert "No shared_part_list options in slapos config" in node.run("prune", code=255).err


def test_what_a_killed_run_left_is_removed(node: Machine, shelf: Shelf) -> None:
    shelf.part("a", ".old.pruned")
    node.run("prune")
    assert not shelf.names()

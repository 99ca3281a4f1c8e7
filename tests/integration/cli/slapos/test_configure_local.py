"""``slapos configure local``: from nothing to a service that runs, without root (node spec, section 22)."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.nodes import Machine, eventually, machine
from tests.serverprocess import SOURCES
from tests.slaposcli import Slapos
from tests.sshd import free_port

from pilothouse.node.layout import md5_of
from pilothouse.slap.client import slap


@pytest.fixture
def node(capsys: pytest.CaptureFixture[str]) -> Iterator[Machine]:
    with machine("http://127.0.0.1:1/", Slapos(capsys)) as made:
        yield made


def options(node: Machine, port: int) -> list[str]:
    return [
        *("--slapos-configuration-directory", str(node.root / "etc")),
        *("--slapos-instance-root", str(node.instances)),
        *("--slapos-software-root", str(node.software)),
        *("--slapos-buildout-directory", str(node.root / "own")),
        *("--daemon-listen-port", str(port), "--partition-number", "2"),
    ]


def configured(node: Machine, *words: str, code: int = 0, home: str = "") -> str:
    node.give_everything()
    done = subprocess.run(
        [*node.as_user(), sys.executable, "-m", "pilothouse.cli.slapos.main", "configure", "local", *words],
        env={**os.environ, "PYTHONPATH": str(SOURCES), "HOME": home or str(node.root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def test_one_command_makes_a_machine_that_deploys_a_service(node: Machine) -> None:
    port = free_port()
    words = options(node, port)
    said = configured(node, *words)
    assert "This machine is ready." in said
    assert "already exist" in configured(node, *words, code=1)
    assert (node.root / ".slapos/slapos-client.cfg").samefile(node.root / "etc/slapos.cfg")
    assert sorted(path.name for path in node.instances.glob("slappart*")) == ["slappart0", "slappart1"]

    door = slap()
    door.initializeConnection(f"http://127.0.0.1:{port}/")
    profile = node.root / "software.cfg"
    profile.write_text("[buildout]\nparts =\noffline = true\n")
    door.registerSupply().supply(str(profile), "local_computer")
    door.registerOpenOrder().request(str(profile), "one", {})
    node.cfg = node.root / "etc/slapos.cfg"
    node.apart("software")
    release = node.software / md5_of(str(profile))
    (release / "instance.cfg").write_text("[buildout]\nparts =\n")
    place = node.instances / "slappart0"
    (place / "etc/run").mkdir(parents=True)
    program = place / "etc/run/server"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    node.apart("instance")
    assert (place / ".timestamp").exists()
    eventually(lambda: node.status()["slappart0:server"] == "RUNNING")
    assert node.status()["slapproxy:slapproxy"] == "RUNNING"


def test_an_ordinary_user_names_all_folders(node: Machine) -> None:
    assert "must be run as root" in configured(node, "--slapos-instance-root", str(Path("/nowhere")), code=5)


def test_the_local_master_keeps_what_is_downloaded_when_asked(node: Machine) -> None:
    port = free_port()
    configured(node, *options(node, port), "--enable-shacache-proxy")
    said = (node.root / "etc/slapos.cfg").read_text()
    assert said.count(f"= http://127.0.0.1:{port}/shacache/cache\n") == 2
    assert said.count(f"= http://127.0.0.1:{port}/shacache/dir\n") == 2
    key = node.instances / "shacache/signing.key"
    assert key.stat().st_mode & 0o777 == 0o600
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/shacache") as http:
        kept = http.post("/cache", content=b"kept")
        assert (kept.status_code, http.get(f"/cache/{kept.text}").content) == (201, b"kept")


def test_what_cannot_work_is_refused_before_anything_is_written(node: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = configured(node, *options(node, port), code=1)
    assert f"The local master cannot listen at 127.0.0.1, port {port}: Address already in use." in said
    assert "'nix0'" in configured(node, *options(node, port), "--interface-name", "nix0", code=1)
    assert "'10.x'" in configured(node, *options(node, port), "--ipv4-local-network", "10.x", code=1)
    assert not (node.root / "etc").exists()


def test_a_client_file_that_is_there_is_named(node: Machine) -> None:
    other = node.root / ".slapos/slapos-client.cfg"
    other.parent.mkdir()
    other.write_text("[slapos]\n")
    said = configured(node, *options(node, free_port()))
    assert f"{other} is there already" in said
    assert other.read_text() == "[slapos]\n"


def test_without_a_home_or_room_for_partitions(node: Machine) -> None:
    """An account of a service has no home; what is in the way is mended, and the command given again."""
    words = options(node, free_port())
    (node.instances / "slappart0").touch()
    configured(node, *words, code=1)
    (node.instances / "slappart0").unlink()
    said = configured(node, *words, home="/proc/none")
    assert "give commands of clients --cfg" in said
    assert "This machine is ready." in said

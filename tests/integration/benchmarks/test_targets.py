"""Real servers: reachable while the block runs, gone afterwards, and on loopback only."""

import socket
import subprocess
from pathlib import Path

import pytest
from benchmarks.targets import serving


def test_nodes_answer_and_are_gone_afterwards(tmp_path: Path) -> None:
    with serving(18, tmp_path / "targets") as targets:
        for host in (targets.hosts[0], targets.hosts[17]):
            command = ["ssh", "-F", str(targets.ssh_config), host, "echo $HOME"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert done.stdout.strip() == str(tmp_path / "targets" / "home")
        with pytest.raises(OSError), socket.create_connection(("127.0.9.9", targets.port), timeout=1):
            pass
    for host in (targets.hosts[0], targets.hosts[17]):
        with pytest.raises(OSError), socket.create_connection((host, targets.port), timeout=1):
            pass

"""A machine that `slapos configure local` makes of nothing, for an ordinary user, and the commands on it."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.installation import installed
from tests.sshd import free_port

from pilothouse.cli import demo_service
from pilothouse.node import processes
from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

NOBODY = 65534
# in root's tests the user may read files, because the interpreter is root's
READS = ["setpriv", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"]
PATIENCE = 120.0


class LocalMachine:
    """Folders below ``root``; ``slapos`` and ``pilothouse`` run commands as their user types them."""

    def __init__(self, root: Path, partitions: int) -> None:
        self.root = root
        self.instances = root / "srv"
        self.software = root / "opt"
        self.python = installed(root / "env")
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            self._prefix = [*READS, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            os.chown(root, NOBODY, NOBODY)
        self.said = self.slapos(
            *("configure", "local", "--daemon-listen-port", str(free_port()), "--partition-number", str(partitions)),
            *("--slapos-configuration-directory", str(root / "etc"), "--slapos-instance-root", str(self.instances)),
            *("--slapos-software-root", str(self.software), "--slapos-buildout-directory", str(root / "own")),
        )

    def slapos(self, *words: str, code: int | None = 0) -> str:
        return self._run("slapos.main", words, code)

    def pilothouse(self, *words: str, code: int | None = 0) -> str:
        return self._run("main", words, code)

    def _run(self, module: str, words: tuple[str, ...], code: int | None) -> str:
        """Run a command; returns all that it said. None allows every exit code."""
        done = subprocess.run(
            [*self._prefix, str(self.python), "-m", f"pilothouse.cli.{module}", *words],
            cwd=self.root,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert code is None or done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def _environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SLAPOS_CONFIGURATION")}
        return {**kept, "HOME": str(self.root), "SLAPOS_CONFIGURATION": str(self.root / "etc/slapos.cfg")}

    def connection(self, title: str) -> dict[str, str]:
        """Return what an instance published."""
        said = self.slapos("service", "info", title)
        found: dict[str, str] = json.loads(said[said.index("{") :])["connection-parameters"]
        return found

    def partition(self, number: int) -> Path:
        return self.instances / f"slappart{number}"

    def program(self, number: int, name: str) -> dict[str, Any]:
        """Return what supervisord knows of the program whose name begins so."""
        told: list[dict[str, Any]] = self._supervisor.call("getAllProcessInfo")
        group = f"slappart{number}"
        return next(one for one in told if one["group"] == group and one["name"].startswith(name))

    def left(self, number: int) -> list[processes.Process]:
        """Return the processes of a partition."""
        place = NodePlace(self.instances)
        return processes.of_partition(self.partition(number), f"slappart{number}", place.socket, None)

    @property
    def _supervisor(self) -> Supervisor:
        return Supervisor(NodePlace(self.instances).socket)


@contextmanager
def local_machine(partitions: int = 4) -> Iterator[LocalMachine]:
    """Make a machine, and end all that it runs afterwards. Its path is short: a socket's must be."""
    root = Path(tempfile.mkdtemp(prefix="local-"))
    root.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(partial(shutil.rmtree, root))
        stack.callback(partial(demo_service.end, NodePlace(root / "srv")))
        yield LocalMachine(root, partitions)

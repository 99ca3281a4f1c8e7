"""A machine for tests of the node: its directories, its file, a scripted master that records what it is told."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serverprocess import SOURCES
from tests.slaposcli import Done, Slapos
from tests.webserver import Answer, WebServer

from pilothouse.node.layout import md5_of
from pilothouse.slap import marshal_writer
from pilothouse.slap.documents import ComputerDocument, ComputerPartitionDocument, SoftwareReleaseDocument

URL = "http://release.example/software.cfg"
NOBODY = 65534
PATIENCE = 60.0
_POSTS = (
    *("buildingSoftwareRelease", "availableSoftwareRelease", "destroyedSoftwareRelease", "softwareReleaseError"),
    *("startedComputerPartition", "stoppedComputerPartition", "destroyedComputerPartition", "softwareInstanceError"),
    *("softwareInstanceBang", "computerBang", "updateComputerPartitionRelatedInstanceList", "useComputer"),
    "loadComputerConfigurationFromXML",
)


class Script:
    """The master M of the spec's conformance checks: serves what it is told to, and records every call."""

    def __init__(self, web: WebServer) -> None:
        self._web = web
        self.partitions: dict[str, dict[str, Any]] = {}
        self.releases: dict[str, str] = {}
        web.answers.clear()
        web.asked.clear()
        for name in _POSTS:
            self.answer(name)
        self.answer("getComputerPartitionCertificate", body={"certificate": "C", "key": "K"})

    @property
    def url(self) -> str:
        return f"{self._web.url}/"

    def answer(self, name: str, status: int = 200, body: object = None) -> None:
        content = b"" if body is None else marshal_writer.dumps(body)
        self._web.answers[f"/{name}"] = Answer(status, content)

    def partition(self, name: str, state: str, url: str | None = URL, **more: Any) -> None:
        """Want a state; ``timestamp`` and other parameters, ``access_status``, ``filters`` may be given."""
        attributes = {
            "_computer_id": "COMP-1",
            "_partition_id": name,
            "_requested_state": state,
            "_software_release_document": SoftwareReleaseDocument((url, "COMP-1"), _release(url)) if url else None,
            "_access_status": more.pop("access_status", None),
            "_filter_dict": more.pop("filters", {}),
            "_connection_dict": {},
            "_instance_guid": f"SOFTINST-{name}",
            "_parameter_dict": {"slap_software_type": "default", **more},
        }
        self.partitions[name] = attributes
        self._serve()

    def supply(self, url: str, state: str = "available") -> None:
        self.releases[url] = state
        self._serve()

    def _serve(self) -> None:
        document = ComputerDocument(
            ("COMP-1",),
            {
                "_computer_id": "COMP-1",
                "_software_release_list": [
                    SoftwareReleaseDocument((url, "COMP-1"), {**_release(url), "_requested_state": state})
                    for url, state in self.releases.items()
                ],
                "_computer_partition_list": [
                    ComputerPartitionDocument(("COMP-1", name), attributes)
                    for name, attributes in self.partitions.items()
                ],
            },
        )
        self.answer("getFullComputerInformation", body=document)

    def calls(self, *, forget: bool = True) -> list[str]:
        """Return the names of the calls since the last time, in order."""
        found = [urlsplit(one.path).path[1:] for one in self._web.asked]
        if forget:
            self._web.asked.clear()
        return [name for name in found if name != "getHateoasUrl"]

    def told(self, name: str) -> list[dict[str, str]]:
        """Return the forms of the calls of one name."""
        return [
            {key: values[0] for key, values in parse_qs(one.body.decode()).items()}
            for one in self._web.asked
            if urlsplit(one.path).path == f"/{name}"
        ]


def _release(url: str | None) -> dict[str, Any]:
    return {"_software_release": url, "_computer_guid": "COMP-1", "_software_instance_list": []}


class Machine:
    """Roots, partitions, a pre-seeded release, ``slapos.cfg``; commands run in this process."""

    def __init__(self, root: Path, url: str, slapos: Slapos, *lines: str) -> None:
        self.root = root
        self.slapos = slapos
        self.instances = root / "srv"
        self.software = root / "opt"
        self.owner = NOBODY if os.geteuid() == 0 else os.geteuid()
        for folder in (self.instances, self.software):
            folder.mkdir()
            folder.chmod(0o755)
        self.give(self.software)
        self.cfg = root / "slapos.cfg"
        self._lines = list(lines)
        self.configure(url)

    def configure(self, url: str, *lines: str) -> None:
        self._lines += lines
        text = [
            "[slapos]",
            "computer_id = COMP-1",
            f"master_url = {url}",
            f"software_root = {self.software}",
            f"instance_root = {self.instances}",
            "root_check = false",
            "software_min_free_space = 1M",
            "instance_min_free_space = 1M",
            *(f"pidfile_{kind} = {self.root}/{kind}.pid" for kind in ("software", "instance", "report")),
            *self._lines,
        ]
        self.cfg.write_text("\n".join(text) + "\n")

    def give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.owner, self.owner)

    def partition(self, name: str = "slappart0") -> Path:
        folder = self.instances / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o750)
        self.give(folder)
        return folder

    def release(self, script: str = "touch worked", url: str = URL) -> Path:
        """Seed a release whose bin/buildout is a shell script."""
        folder = self.software / md5_of(url)
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        for path in (folder, folder / "bin"):
            path.chmod(0o755)
            self.give(path)
        (folder / "instance.cfg").write_text("[buildout]\nparts =\n")
        program = folder / "bin" / "buildout"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return folder

    def run(self, *words: str, code: int = 0) -> Done:
        return self.slapos("node", *words, "--cfg", str(self.cfg), code=code)

    def instance(self, *words: str, code: int = 0) -> Done:
        return self.run("instance", *words, code=code)

    def status(self) -> dict[str, str]:
        """Return the states of all programs, by full name."""
        return {one["group"] + ":" + one["name"]: one["statename"] for one in self.programs()}

    def pids(self) -> dict[str, int]:
        return {one["group"] + ":" + one["name"]: one["pid"] for one in self.programs() if one["pid"]}

    def programs(self) -> list[dict[str, Any]]:
        from pilothouse.node.layout import NodePlace
        from pilothouse.node.supervisor_rpc import Supervisor

        found: list[dict[str, Any]] = Supervisor(NodePlace(self.instances).socket).call("getAllProcessInfo")
        return found

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command in a process of its own, as the machine's ordinary user.

        Where tests run as root, that user may still read files, because it needs root's interpreter.
        """
        return self.launch("pilothouse.cli.slapos.main", *words)

    def launch(self, module: str, *words: str, **environ: str) -> "subprocess.Popen[str]":
        """Start ``node`` with these words, of any of our commands, in the same way."""
        self.give_everything()
        command = [sys.executable, "-m", module, "node", words[0], "--cfg", str(self.cfg)]
        return subprocess.Popen(
            [*self.as_user(), *command, *words[1:]],
            env={**os.environ, "PYTHONPATH": str(SOURCES), "HOME": str(self.root), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def as_user(self) -> list[str]:
        """Return what to begin a command with, so that the machine's ordinary user runs it."""
        if os.geteuid():
            return []
        reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"]
        return ["setpriv", f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups", *reads]

    def apart(self, *words: str, code: int = 0) -> str:
        """Run a command in a process of its own; returns what it said."""
        process = self.start(*words)
        said, _ = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == code, f"exit code {process.returncode}\n{said}"
        return said

    def give_everything(self) -> None:
        for path in (self.root, *self.root.rglob("*")):
            if not path.is_symlink():
                self.give(path)


def runner(text: str, kind: str = "run", name: str = "wrapper") -> str:
    """Return shell lines that make a program of the partition."""
    return f"mkdir -p etc/{kind}\ncat > etc/{kind}/{name} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod 755 etc/{kind}/{name}"


def is_gone(pid: int) -> bool:
    """Whether a process has ended, though nobody may have asked for its status yet."""
    from pilothouse.node import processes

    found = processes.look(pid)
    return found is None or found.state == "Z"


def eventually(holds: Any, what: str = "it did not happen") -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.02)


@contextmanager
def machine(url: str, slapos: Slapos, *lines: str) -> Iterator[Machine]:
    """Make a machine, and end its supervisord afterwards. Its path is short: a socket's must be."""
    root = Path(tempfile.mkdtemp(prefix="node-"))
    root.chmod(0o755)
    made = Machine(root, url, slapos, *lines)
    try:
        yield made
    finally:
        shut_down(made)
        shutil.rmtree(root)


def shut_down(made: Machine) -> None:
    """End the machine's supervisord and all that it runs."""
    from pilothouse.node import processes
    from pilothouse.node.layout import NodePlace
    from pilothouse.node.supervisor_rpc import Supervisor

    place = NodePlace(made.instances)
    if not place.supervisor_file.exists():
        return
    supervisor = Supervisor(place.socket)
    pid = int(supervisor.call("getPID")) if supervisor.state() == "RUNNING" else 0
    mark = f"SUPERVISOR_SERVER_URL=unix://{place.socket}".encode()

    def left() -> list[processes.Process]:
        alive = [one for one in processes.everything() if one.state not in "ZX"]
        return [one for one in alive if one.pid == pid or mark in _environ(one.pid)]

    assert not processes.end(left)


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []

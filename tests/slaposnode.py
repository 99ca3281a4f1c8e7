"""A node of the original, without privileges: its own roots, one ordinary account, no networks of its own."""

import configparser
import contextlib
import hashlib
import os
import pwd
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.originals import Original

PATIENCE = 60.0
_HEAD = re.compile(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d slapos(?:\.\w+)?\[\d+\] ")


class Ran(NamedTuple):
    """How a program ended; ``said`` is its log, times and process numbers left out."""

    code: int
    out: str
    said: str


def run(words: Sequence[str | Path], folder: Path, code: int | None = 0) -> Ran:
    """Run a program; None allows every exit code."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "ignore:Unverified HTTPS"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Ran(done.returncode, done.stdout, _HEAD.sub("", done.stderr))


def as_somebody() -> tuple[str, list[str]]:
    """Return an ordinary account and what puts a program into it: nodes drop root, and refuse to stay root.

    In a user namespace root only looks like the account, and can still read what is root's.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, []
    account = pwd.getpwnam("daemon")
    return account.pw_name, ["unshare", "-U", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}"]


def as_root() -> list[str]:
    """Return what lets a program take itself for root."""
    return [] if os.geteuid() == 0 else ["unshare", "-U", "-r"]


class SlaposNode:
    """One node in ``folder``; ``cfg`` is its configuration, which ``configure`` completes or makes."""

    def __init__(self, original: Original, folder: Path, partitions: int) -> None:
        self.original = original
        self.folder = folder
        self.partitions = [f"slappart{number}" for number in range(partitions)]
        self.cfg = folder / "etc" / "slapos.cfg"
        self.software_root = folder / "software"
        self.instance_root = folder / "instances"
        self.account, self._prefix = as_somebody()
        for made in (self.software_root, self.instance_root):
            made.mkdir(parents=True)

    def register(self, title: str, token: str, master: str, web: str) -> None:
        """Let the original's command make the configuration and fetch the certificate, as root."""
        words = ("node", "register", title, "--cfg", self.cfg, "--token", token, "--master-url", master,
                 "--master-url-web", web, "--partition-number", str(len(self.partitions)),
                 "--software-root", self.software_root, "--instance-root", self.instance_root)  # fmt: skip
        said = run([*as_root(), self.original.program("slapos"), *words], self.folder).said
        assert f"Node has successfully been configured as {self.computer}." in said

    def configure(self, **slapos: str) -> "SlaposNode":
        """Write what a node without privileges needs, and the keys given."""
        self.cfg.parent.mkdir(exist_ok=True)
        file = self._file()
        wanted = {
            "slapos": {
                "root_check": "false",
                "software_root": str(self.software_root),
                "instance_root": str(self.instance_root),
                **{f"{kind}_min_free_space": "1M" for kind in ("software", "instance")},
                **{f"pidfile_{kind}": str(self.folder / f"{kind}.pid") for kind in ("software", "instance", "report")},
                **slapos,
            },
            "slapformat": {
                "partition_amount": str(len(self.partitions)),
                "computer_xml": str(self.folder / "slapos.xml"),
                "log_file": str(self.folder / "format.log"),
                "input_definition_file": str(self._definition()),
                **dict.fromkeys(("alter_user", "alter_network", "create_tap"), "false"),
            },
        }
        file.read_dict(wanted)
        with self.cfg.open("w") as stream:
            file.write(stream)
        return self

    @property
    def computer(self) -> str:
        return self.values()["computer_id"]

    def values(self) -> dict[str, str]:
        """Return what the configuration says of the node and its master."""
        return dict(self._file()["slapos"])

    def __call__(self, *words: str, code: int | None = 0) -> Ran:
        """Run ``slapos node ...``."""
        program = self.original.program("slapos")
        return run([*self._prefix, program, "node", *words, "--cfg", self.cfg], self.folder, code)

    def partition(self, number: int) -> Path:
        return self.instance_root / self.partitions[number]

    def release(self, url: str) -> Path:
        """Return where a release is installed."""
        return self.software_root / hashlib.md5(url.encode()).hexdigest()

    def stop(self) -> None:
        """End the supervisor, and with it all that it runs."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            process = int((self.instance_root / "var" / "run" / "supervisord.pid").read_text())
            os.kill(process, signal.SIGTERM)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                os.kill(process, 0)
                time.sleep(0.05)

    def _file(self) -> configparser.RawConfigParser:
        file = configparser.RawConfigParser()
        file.read(self.cfg)
        return file

    def _definition(self) -> Path:
        """Write addresses that every machine has; the node makes none of its own."""
        lines = ["[computer]", "address = 127.0.0.1/255.0.0.0", f"software_user = {self.account}"]
        for number, name in enumerate(self.partitions):
            lines += [f"[partition_{number}]", "address = 127.0.0.1/255.0.0.0 ::1/128", f"user = {self.account}",
                      "network_interface =", f"pathname = {name}"]  # fmt: skip
        path = self.folder / "definition.cfg"
        path.write_text("\n".join(lines) + "\n")
        return path

"""The demo's service: a machine made from nothing, a web server that it keeps running, and the end of both."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.cli import ordinary_user
from pilothouse.errors import PilothouseError
from pilothouse.node import processes
from pilothouse.node.errors import SupervisionError
from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

_LIBRARIES: Final = str(Path(__file__).resolve().parents[2])
_WIDTH: Final = 41
_PATIENCE: Final = 30.0
_PAGE: Final = "<h1>Hello from a service</h1>"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where the demo's machine is, and how its commands are begun so that they are not root's."""

    folder: Path
    prefix: list[str]

    @property
    def instances(self) -> Path:
        """The folder of its instances."""
        return self.folder / "srv"

    def called(self, module: str, *words: str) -> str:
        """Run a command; returns what it printed. Raises PilothouseError with all that it said."""
        environ = {
            **os.environ,
            "HOME": str(self.folder),
            "PYTHONPATH": _LIBRARIES,
            "SLAPOS_CONFIGURATION": str(self.folder / "etc" / "slapos.cfg"),
        }
        begin = [*self.prefix, sys.executable, "-m", f"pilothouse.cli.{module}"]
        done = subprocess.run([*begin, *words], env=environ, cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode:
            raise PilothouseError(f"it ended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout


def show(folder: Path) -> int:
    """Deploy a web server below ``folder`` and end it again; returns 0 if it did what it should."""
    print("— a service: a machine from nothing, and a web server that it keeps running\n")
    if os.geteuid() == 0:
        folder.chmod(0o711)
    prefix = ordinary_user.becoming(folder)
    reason = _missing() if prefix is not None else "root cannot become another user here (setpriv is missing)"
    if prefix is None or reason:
        print(f"    not shown: {reason}\n")
        return 0
    if prefix:
        print("  root's part is played by the user nobody: services never run as root\n")
    machine = Machine(folder=folder / "node", prefix=prefix)
    machine.folder.mkdir(mode=0o755)
    if prefix:
        os.chown(machine.folder, ordinary_user.NOBODY, ordinary_user.NOBODY)
    with _ended(machine):
        try:
            _deploy(machine)
        except (PilothouseError, OSError) as error:
            print(f"\n    {str(error).replace(chr(10), chr(10) + '    ')}\n")
            return 1
    return 0


def _missing() -> str:
    """Say what keeps profiles from finding their recipes; nothing if they will."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        if metadata.distribution("pilothouse").entry_points.select(group="zc.buildout"):
            return ""
    return "this package is not installed, so releases do not find its recipes; install it: pip install --editable ."


def _deploy(machine: Machine) -> None:
    slapos = partial(machine.called, "slapos.main")
    folders = _options(machine.folder)
    with _step("slapos configure local ...", "a master and its node"):
        slapos("configure", "local", *folders, "--daemon-listen-port", str(_free_port()), "--partition-number", "2")
    with _step("slapos supply example.web local_computer", "a release for the node"):
        slapos("supply", "example.web", "local_computer")
    with _step("slapos request hello example.web ...", "an instance of it"):
        slapos("request", "hello", "example.web", "--parameters", f"page={_PAGE}", f"port={_free_port()}")
    with _step("slapos node software", "built by zc.buildout"):
        slapos("node", "software")
    with _step("slapos node instance", "deployed, promises kept"):
        slapos("node", "instance")
    with _step("slapos service info hello", "where it is"):
        url = json.loads(slapos("service", "info", "hello"))["connection-parameters"]["url"]
    with _step(f"GET {url}", "the page"):
        page = _fetched(url)
    print(f"\n    {page}\n")
    for program, module, words in (
        ("slapos", "slapos.main", ("node", "status")),
        ("pilothouse", "main", ("service", "why", "slappart0")),
    ):
        said = machine.called(module, *words).rstrip()
        print(f"  $ {program} {' '.join(words)}\n")
        print("".join(f"    {line}\n" for line in said.splitlines()))


def _options(folder: Path) -> list[str]:
    return [
        *("--slapos-configuration-directory", str(folder / "etc")),
        *("--slapos-instance-root", str(folder / "srv")),
        *("--slapos-software-root", str(folder / "opt")),
        *("--slapos-buildout-directory", str(folder / "own")),
    ]


@contextlib.contextmanager
def _step(command: str, meaning: str) -> Iterator[None]:
    """Show a command while it runs, and how long it took."""
    live = sys.stdout.isatty()
    begun = time.monotonic()
    if live:
        print(f"  … {command}", end="", flush=True)
    good = False
    try:
        yield
        good = True
    finally:
        sign = "✓" if good else "✗"
        taken = f"{time.monotonic() - begun:.1f} s"
        print(f"{chr(13) if live else ''}  {sign} {command:{_WIDTH}} {taken:>6}  {meaning}", flush=True)


def _fetched(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        text: str = answer.read().decode()
    if text != _PAGE:
        raise PilothouseError(f"{url} shows another page:\n{text}")
    return text


@contextlib.contextmanager
def _ended(machine: Machine) -> Iterator[None]:
    """End the machine's programs on leaving, whatever happens; its folder stays, to be looked at."""
    try:
        yield
    finally:
        with _step("the end", "no process is left"):
            end(NodePlace(machine.instances))
        print()


def end(place: NodePlace) -> None:
    """Stop a node's supervisord and all that it runs. Raises PilothouseError if something stays."""
    supervisor, pid = Supervisor(place.socket), 0
    with contextlib.suppress(SupervisionError, OSError):
        pid = int(supervisor.call("getPID"))
        supervisor.call("shutdown")
    until = time.monotonic() + _PATIENCE
    while pid and processes.look(pid) and time.monotonic() < until:
        time.sleep(0.05)
    left = processes.end(partial(processes.of_supervisor, place.socket))
    if left or (pid and processes.look(pid)):
        raise PilothouseError(f"processes of {place.root} do not end: {', '.join(str(one.pid) for one in left) or pid}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""The bare loops: the C floor over libssh2, and asyncssh with nothing around it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.measure import Order
from benchmarks.peers import environments
from benchmarks.peers.contract import Task, UnpreparedError, base_environ
from benchmarks.places import DRIVERS, ENVIRONMENTS
from benchmarks.scenarios import UPLOAD

# the same libssh2 that our fast path uses: the one inside this wheel
_LIBSSH2: Final = "ssh2-python==1.2.0.post1"
_ASYNCSSH: Final = ("asyncssh==2.24.1", "cryptography==50.0.2")


def arguments(task: Task) -> list[str]:
    """Return what both drivers are called with."""
    targets, scenario = task.targets, task.scenario
    hosts = task.file("hosts", "".join(f"{host}\n" for host in task.hosts))
    words = [str(hosts), str(task.concurrency), str(targets.port), targets.user, str(targets.key), str(scenario.lines)]
    words.append(str(scenario.operations))
    return [*words, UPLOAD, str(targets.script)] if scenario.uploads else [*words, scenario.command]


def counted(output: str) -> int:
    """Return the number of good hosts from a driver's last line, 0 when there is none."""
    lines = output.splitlines()
    if not lines or not lines[-1].startswith('{"ok"'):
        return 0
    return int(json.loads(lines[-1])["ok"])


class Floor:
    """Threads in C over libssh2: what a client cannot do much below."""

    name = "floor"
    about = f"C loop over the libssh2 of {_LIBSSH2.replace('==', ' ')}, threads"
    most_hosts: int | None = None

    def prepare(self) -> None:
        """Compile the driver against the library inside the wheel."""
        folder = environments.ensure("libssh2", _LIBSSH2)
        binary, source = folder / "floor", DRIVERS / "floor.c"
        if binary.exists() and binary.stat().st_mtime > source.stat().st_mtime:
            return
        if shutil.which("gcc") is None:
            raise UnpreparedError("gcc is missing; on Debian: apt-get install gcc libc6-dev")
        library = next(folder.glob("lib/python3*/site-packages/ssh2_python.libs/libssh2-*.so*"), None)
        if library is None:
            raise UnpreparedError(f"{_LIBSSH2} carries no libssh2 on this platform")
        _compile(source, library, binary)

    def order(self, task: Task) -> Order:
        """Call the compiled driver."""
        command = (str(ENVIRONMENTS / "libssh2" / "floor"), *arguments(task))
        return Order(command, base_environ(task), str(task.folder), task.limit)

    def succeeded(self, _task: Task, order: Order) -> int:
        """Believe the driver, which checks exit code and lines of each host."""
        return counted(order.stdout.read_text())


class Asyncssh:
    """asyncssh as lean as its own options allow."""

    name = "asyncssh"
    about = f"{_ASYNCSSH[0].replace('==', ' ')}, bare tuned loop"
    most_hosts: int | None = None

    def prepare(self) -> None:
        """Install asyncssh."""
        environments.ensure("asyncssh", *_ASYNCSSH)

    def order(self, task: Task) -> Order:
        """Call the driver with the environment's Python."""
        python = ENVIRONMENTS / "asyncssh" / "bin" / "python"
        command = (str(python), str(DRIVERS / "asyncssh_loop.py"), *arguments(task))
        return Order(command, base_environ(task), str(task.folder), task.limit)

    def succeeded(self, _task: Task, order: Order) -> int:
        """Believe the driver, which checks exit code and lines of each host."""
        return counted(order.stdout.read_text())


def _compile(source: Path, library: Path, binary: Path) -> None:
    # the library's own dependencies lie beside it: old-style rpath, which holds for them too
    linking = [f"-Wl,--disable-new-dtags,-rpath,{library.parent}", "-Wl,--allow-shlib-undefined", "-lpthread"]
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(binary), str(source), str(library), *linking]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnpreparedError(f"the C floor does not compile: {done.stderr.strip()[-300:]}")

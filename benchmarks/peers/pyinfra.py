"""pyinfra, called as its manual shows: an inventory and a deploy file."""

import re
from typing import Final

from benchmarks.measure import Order
from benchmarks.peers import environments
from benchmarks.peers.contract import Task, base_environ
from benchmarks.places import ENVIRONMENTS

_VERSION: Final = "3.10.0"
_SUCCESS: Final = re.compile(r"\[([^\]]+)\] +Success")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")

_COMMAND: Final = """\
from pyinfra.operations import server

for number in range({operations}):
    server.shell(name="bench %d" % number, commands=[{command!r}])
"""

_UPLOAD: Final = """\
from pyinfra import host
from pyinfra.operations import files, python, server

folder = {scratch!r} + "/" + host.name
files.put(name="put", src={script!r}, dest=folder + "/s", mode="755", create_remote_dir=True)
done = server.shell(name="bench", commands=["sh " + folder + "/s; r=$?; rm -rf " + folder + "; exit $r"])


def check():
    if len(done.stdout_lines) != {lines}:
        raise ValueError("%d lines" % len(done.stdout_lines))


python.call(name="check", function=check)
"""


def inventory(task: Task) -> str:
    """Return the text of the inventory file."""
    targets = task.targets
    patient = {"banner_timeout": 120, "auth_timeout": 120, "timeout": 120}
    data = {
        "ssh_user": targets.user,
        "ssh_port": targets.port,
        "ssh_key": str(targets.key),
        "ssh_known_hosts_file": "/dev/null",
        "ssh_strict_host_key_checking": "no",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
        "ssh_paramiko_connect_kwargs": patient,
    }
    return f"data = {data!r}\ntargets = [(host, data) for host in {list(task.hosts)!r}]\n"


def deploy(task: Task) -> str:
    """Return the text of the deploy file."""
    if not task.scenario.uploads:
        return _COMMAND.format(operations=task.scenario.operations, command=task.scenario.command)
    targets = task.targets
    return _UPLOAD.format(scratch=str(targets.scratch), script=str(targets.script), lines=task.scenario.lines)


def finished(report: str, operations: int) -> int:
    """Return how many hosts the report calls successful in every operation."""
    named: dict[str, int] = {}
    for host in _SUCCESS.findall(_ESCAPES.sub("", report)):
        named[host] = named.get(host, 0) + 1
    return sum(count == operations for count in named.values())


class Pyinfra:
    """The pyinfra command."""

    name = "pyinfra"
    about = f"pyinfra {_VERSION}"
    most_hosts: int | None = None

    def prepare(self) -> None:
        """Install pyinfra."""
        environments.ensure("pyinfra", f"pyinfra=={_VERSION}")

    def order(self, task: Task) -> Order:
        """Write inventory and deploy file, and call the command."""
        task.file("inventory.py", inventory(task))
        task.file("deploy.py", deploy(task))
        command = str(ENVIRONMENTS / "pyinfra" / "bin" / "pyinfra")
        argv = (command, "-y", "--parallel", str(task.concurrency), "inventory.py", "deploy.py")
        return Order(argv, base_environ(task), str(task.folder), task.limit)

    def succeeded(self, task: Task, order: Order) -> int:
        """Count the hosts of which every operation is reported as a success."""
        report = order.stdout.read_text() + order.stderr.read_text()
        return finished(report, 3 if task.scenario.uploads else task.scenario.operations)

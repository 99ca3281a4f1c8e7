"""Libraries for scripts of one's own: parallel-ssh, and paramiko as the replaced engine uses it."""

from typing import Final

from benchmarks.measure import Order
from benchmarks.peers import environments
from benchmarks.peers.contract import Task, base_environ
from benchmarks.peers.loops import arguments, counted
from benchmarks.places import DRIVERS, ENVIRONMENTS

_PARALLEL_SSH: Final = "parallel-ssh==2.16.0.post1"
_PARAMIKO: Final = "paramiko==5.1.0"


class _Driven:
    """A peer that is a driver of ours in an environment of its own."""

    name: str
    most_hosts: int | None = None
    _requirement: str

    def prepare(self) -> None:
        """Install the library."""
        environments.ensure(self.name, self._requirement)

    def order(self, task: Task) -> Order:
        """Call the driver with the environment's Python."""
        driver = DRIVERS / f"{self.name.replace('-', '_')}_loop.py"
        command = (str(ENVIRONMENTS / self.name / "bin" / "python"), str(driver), *arguments(task))
        return Order(command, base_environ(task), str(task.folder), task.limit)

    def succeeded(self, _task: Task, order: Order) -> int:
        """Believe the driver, which checks exit code and lines of each host."""
        return counted(order.stdout.read_text())


class ParallelSsh(_Driven):
    """parallel-ssh with its default client, on libssh2."""

    name = "parallel-ssh"
    about = f"{_PARALLEL_SSH.replace('==', ' ')}, its native client; script by SFTP"
    _requirement = _PARALLEL_SSH


class Paramiko(_Driven):
    """A pool of threads; a connection for every operation, scripts by SFTP, as the replaced engine does it."""

    name = "paramiko"
    about = f"{_PARAMIKO.replace('==', ' ')} in threads, a new connection for every operation; script by SFTP"
    _requirement = _PARAMIKO

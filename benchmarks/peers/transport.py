"""Our SSH transport alone, on each of its two paths: what the engine round it costs is the difference to ours."""

from benchmarks.measure import Order
from benchmarks.peers.contract import Task, UnpreparedError, base_environ
from benchmarks.peers.loops import arguments, counted
from benchmarks.places import DRIVERS, OURS


class TransportLoop:
    """The transport in a bare loop; ``path`` is the setting ``ssh_path``."""

    most_hosts: int | None = None

    def __init__(self, path: str) -> None:
        self.name = f"transport-{path}"
        self.about = f"our SSH transport alone, ssh_path = {path}"
        self._path = path

    def prepare(self) -> None:
        """Only look whether the environment is there."""
        if not (OURS.parent / "python").exists():
            raise UnpreparedError(f"{OURS.parent} holds no Python; run: make bench")

    def order(self, task: Task) -> Order:
        """Call the driver with our own Python."""
        command = (str(OURS.parent / "python"), str(DRIVERS / "transport_loop.py"), *arguments(task))
        return Order(command, base_environ(task) | {"SSH_PATH": self._path}, str(task.folder), task.limit)

    def succeeded(self, _task: Task, order: Order) -> int:
        """Believe the driver, which checks exit code and lines of each host."""
        return counted(order.stdout.read_text())

"""The machines that are measured: one for each peer and layout, all alike, with a scripted master on loopback."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.nodes import URL, Machine, Script, eventually, runner, shut_down
from tests.webserver import serving

from benchmarks.measure import Order
from benchmarks.node.cases import Case, Layout
from benchmarks.node.peers import Peer
from pilothouse.node.layout import NodePlace
from pilothouse.node.supervisor_rpc import Supervisor

_LIMIT: Final = 120.0
_SHELL: Final = runner("exec sleep 1000000", "run", "web")
_PART: Final = (
    "[{name}]\nrecipe = slapos.recipe.template\noutput = ${{buildout:directory}}/etc/{path}\nmode = 755\n"
    "inline =\n  #!/bin/sh\n  exec sleep 1000000\n"
)
_PARTS: Final = {"web": "run/web", "first": "first", "second": "second"}
_REAL: Final = "\n".join(
    (f"[buildout]\nparts = {' '.join(_PARTS)}", *(_PART.format(name=name, path=path) for name, path in _PARTS.items()))
)
TIMESTAMP: Final = "1795332396"


class SiteError(RuntimeError):
    """A machine could not be made ready, or a command did not do what it is measured for."""


class Site:
    """One machine of one peer."""

    def __init__(self, root: Path, master: Script, peer: Peer, layout: Layout, buildout: Path) -> None:
        self._master = master
        self._peer = peer
        self._layout = layout
        self.machine = Machine(root, master.url, lambda *_: None)  # type: ignore[arg-type]  # commands run apart
        self._names = [f"slappart{number}" for number in range(layout.partitions)]
        self._release(buildout)
        for name in self._names:
            self._partition(name)
        self.machine.give_everything()

    def _release(self, buildout: Path) -> None:
        folder = self.machine.release(_SHELL)
        (folder / ".completed").write_text("yes")
        if self._layout.buildout == "real":
            (folder / "instance.cfg").write_text(_REAL)
            (folder / "bin" / "buildout").write_bytes(buildout.read_bytes())

    def _partition(self, name: str) -> None:
        folder = self.machine.partition(name)
        if not (self._layout.free or self._layout.buildout):
            (folder / ".timestamp").write_text(TIMESTAMP)
        if self._layout.promise:
            promise = folder / "etc" / "promise" / "p"
            promise.parent.mkdir(parents=True)
            promise.write_text("#!/bin/sh\ntrue\n")
            promise.chmod(0o755)

    def order(self, words: tuple[str, ...]) -> Order:
        """Return the order for one command; it runs as an ordinary user."""
        root = self.machine.root
        file = () if words == ("--help",) else ("--cfg", str(self.machine.cfg))
        environ = {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "HOME": str(root), "LANG": "C.UTF-8"}
        return Order((*self.machine.as_user(), str(self._peer.slapos), *words, *file), environ, str(root), _LIMIT)

    def warm(self) -> None:
        """Deploy what is to be deployed; supervisord runs afterwards. Raises SiteError."""
        order = self.order(("node", "instance"))
        done = subprocess.run(
            order.argv, env=order.environ, cwd=order.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=_LIMIT,
        )  # fmt: skip
        if done.returncode:
            raise SiteError(f"{self._peer.name} cannot be made ready: {done.stderr[-2000:]}")

    def prepare(self, case: Case) -> None:
        """Make ready for one run."""
        if case.anew:
            self._empty()
        self._master.calls()

    def _empty(self) -> None:
        place = NodePlace(self.machine.instances)
        supervisor = Supervisor(place.socket)
        for name in self._names:
            supervisor.call("stopProcessGroup", name, False)
        mine = set(self._names)
        eventually(lambda: not any(one["pid"] for one in supervisor.call("getAllProcessInfo") if one["group"] in mine))
        for name in self._names:
            supervisor.call("removeProcessGroup", name)
            place.group_file(name).unlink(missing_ok=True)
            shutil.rmtree(self.machine.instances / name)
            self._partition(name)

    def check(self, case: Case) -> None:
        """Raise SiteError when the master did not hear what it must."""
        heard = self._master.calls().count("startedComputerPartition")
        if heard != case.started:
            raise SiteError(f"{case.name}, {self._peer.name}: {heard} instances were started, not {case.started}")


@contextmanager
def site(peer: Peer, layout: Layout, buildout: Path) -> Iterator[Site]:
    """Make a machine, and end and remove it afterwards. Its path is short: a socket's must be."""
    root = Path(tempfile.mkdtemp(prefix="node-"))
    root.chmod(0o755)
    with serving() as web:
        master = Script(web)
        for number in range(layout.partitions):
            state, url = ("destroyed", None) if layout.free else ("started", URL)
            master.partition(f"slappart{number}", state, url, timestamp=TIMESTAMP, access_status="#access ok")
        master.supply(URL)
        made = Site(root, master, peer, layout, buildout)
        try:
            made.warm()
            yield made
        finally:
            shut_down(made.machine)
            shutil.rmtree(root)

"""What is measured: commands, on which machines, how often, and what is to be reached. Pure."""

from typing import Final

import msgspec


class Layout(msgspec.Struct, frozen=True):
    """A machine: its partitions, and what is in them.

    ``buildout`` is ``shell`` or ``real``; without one the instances are up to date though nothing was deployed.
    """

    partitions: int
    free: bool = False
    promise: bool = False
    buildout: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One command line on one machine.

    ``target`` is how many times less processor time than the original is to be taken. ``anew`` empties the
    partitions before each run. ``started`` is how many instances the master hears of as started.
    """

    name: str
    words: tuple[str, ...]
    layout: str = ""
    runs: int = 7
    target: float = 0
    anew: bool = False
    started: int = 0


LAYOUTS: Final = {
    "free": Layout(10, free=True),
    "idle": Layout(10),
    "hundred": Layout(100),
    "promises": Layout(10, promise=True),
    "hundred promises": Layout(100, promise=True),
    "shell": Layout(10, buildout="shell"),
    "real": Layout(10, buildout="real"),
}
_INSTANCE: Final = ("node", "instance", "-q")
CASES: Final = (
    Case(name="slapos --help", words=("--help",), target=8),
    Case(name="slapos node status, 10 programs", words=("node", "status"), layout="shell", target=8),
    Case(name="node instance, nothing to do, 10 free", words=_INSTANCE, layout="free", target=8),
    Case(name="node instance, nothing to do, 10 started", words=_INSTANCE, layout="idle", target=8),
    Case(name="node instance, nothing to do, 100 started", words=_INSTANCE, layout="hundred", target=10),
    Case(name="node software, nothing to do", words=("node", "software", "-q"), layout="idle", target=8),
    Case(name="node report, nothing to do, 10 started", words=("node", "report", "-q"), layout="idle", target=8),
    Case(name="node promise, 10 promises", words=("node", "promise", "-q"), layout="promises", runs=5),
    Case(name="node promise, 100 promises", words=("node", "promise", "-q"), layout="hundred promises", runs=3),
    Case(name="node instance, 10 new, shell script as buildout", words=_INSTANCE, layout="shell", runs=5, anew=True,
         started=10),
    Case(name="node instance --all, 10 started, shell script as buildout", words=(*_INSTANCE, "--all"), layout="shell",
         runs=5, target=3, started=10),
    Case(name="node instance --all, 10 started, real buildout", words=(*_INSTANCE, "--all"), layout="real", runs=3,
         started=10),
)  # fmt: skip

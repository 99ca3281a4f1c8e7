"""Passes of ``slapos node software`` that are killed before each change they make to the disk, one after the other.

Run as a program, in a process of one thread: each pass is a fork of it, which has loaded everything already. What it
found is printed as JSON.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pilothouse.cli.slapos.node_software
import pilothouse.node.networkcache.download
import pilothouse.node.networkcache.upload
import pilothouse.node.pidfile
import pilothouse.slap.client  # noqa: F401
from pilothouse.cli.slapos.main import main
from pilothouse.node import release, software  # noqa: F401
from pilothouse.node.layout import SoftwarePlace

_CHANGES: Final = frozenset(
    f"os.{name}" for name in ("rename", "mkdir", "remove", "rmdir", "symlink", "link", "truncate")
) | {"subprocess.Popen"}
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def change(event: str, args: tuple[Any, ...]) -> str | None:
    """Return what an audit event is about to change on the disk, if anything."""
    if event == "open" and isinstance(args[2], int) and args[2] & _WRITES:
        return f"open {args[0]}"
    return f"{event} {args[0]}" if event in _CHANGES else None


class Stepper:
    """Kills passes over one release, in one scenario."""

    def __init__(self, cfg: str, place: SoftwarePlace, words: tuple[str, ...]) -> None:
        self._cfg = cfg
        self._words = words
        self.place = place
        self.log = Path(cfg).with_name("passes.log")
        self.last = Path(cfg).with_name("last-step")

    def run(self, kill_at: int = 0) -> int:
        """Make a pass in a process of its own; returns its exit status, negative when it was killed."""
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            self._pass(kill_at)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _pass(self, kill_at: int) -> None:
        code = 1
        try:
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if kill_at:
                self._arm(kill_at)
            code = main(["node", "software", *self._words, "--cfg", self._cfg])
        finally:
            os._exit(code)

    def _arm(self, kill_at: int) -> None:
        note = os.open(self.last, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        count = 0

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal count
            if (what := change(event, args)) is not None:
                count += 1
                if count == kill_at:
                    os.write(note, what.encode())
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)


def whole(place: SoftwarePlace) -> bool:
    """Whether everything that the build makes is there."""
    names = ("begun", "bin/buildout", "instance.cfg", "parts/a", "parts/b", "parts/c", "done")
    return all((place.folder / name).exists() for name in names)


def stepped(stepper: Stepper, prepare: Callable[[], None], is_right: Callable[[], bool]) -> tuple[int, list[str]]:
    """Kill at each step; returns how many there were, and what was wrong after which of them."""
    wrong: list[str] = []
    for step in range(1, 1000):
        prepare()
        if (code := stepper.run(kill_at=step)) != -signal.SIGKILL:
            return step - 1, [*wrong, *([f"the whole pass ended with {code}"] if code else [])]
        at = f"step {step}, {stepper.last.read_text()}"
        if release.usable(stepper.place) and not whole(stepper.place):
            wrong.append(f"{at}: what is not whole can be used")
        if code := stepper.run():
            wrong.append(f"{at}: the next pass ends with {code}")
        if not is_right():
            wrong.append(f"{at}: the next pass does not mend it")
        if left := [path.name for path in stepper.place.root.iterdir() if path.name != stepper.place.md5]:
            wrong.append(f"{at}: {left} is left")
    raise AssertionError("it never ends")


def _main() -> None:
    sys.dont_write_bytecode = True
    cfg, root, url, scenario = sys.argv[1:]
    place = SoftwarePlace(Path(root), url)
    stepper = Stepper(cfg, place, ("--force",) if scenario == "rebuild" else ())
    saved = Path(cfg).with_name("saved")

    def is_built() -> bool:
        return release.installed(place) and whole(place)

    def nothing() -> None:
        shutil.rmtree(place.folder, ignore_errors=True)

    def something() -> None:
        nothing()
        subprocess.run(["cp", "-a", saved, place.folder], check=True)

    if scenario in {"rebuild", "destroy"}:
        assert place.folder.exists(), "the test makes it first"
        shutil.copytree(place.folder, saved, symlinks=True)
    prepare = {"rebuild": something, "destroy": something}.get(scenario, nothing)
    is_right = (lambda: not place.folder.exists()) if scenario == "destroy" else is_built
    steps, wrong = stepped(stepper, prepare, is_right)
    sys.stdout.write(json.dumps({"steps": steps, "wrong": wrong}))


if __name__ == "__main__":
    _main()

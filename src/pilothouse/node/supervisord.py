"""supervisord on this machine: its files, its start, and groups brought in line (node spec, section 8)."""

import contextlib
import logging
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Final

from pilothouse.files import write_atomic
from pilothouse.node import locks, statuses, supervision
from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import SupervisionError
from pilothouse.node.layout import NEWER_SOCKET, NodePlace
from pilothouse.node.supervisor_rpc import RefusalError, Supervisor

_log = logging.getLogger("slapos")
LIBRARIES: Final = str(Path(__file__).parents[2])
# by its path, since its environment is empty, and without the directory where it lies, which has modules of ours
_PROGRAM: Final = (sys.executable, "-P", str(Path(__file__).with_name("supervisor_program.py")))
_SHUTDOWN: Final = 65.0  # seconds: programs that are told to end have 60
_GONE: Final = 75.0
_GENTLE: Final = 10.0
_STOPPED: Final = frozenset({"STOPPED", "EXITED", "FATAL", "UNKNOWN"})
_changing: Final = threading.Lock()


def prepare(config: Configuration, *, watchdog: bool = True) -> NodePlace:
    """Write supervisord's files; returns where they are."""
    place = NodePlace(config.instance_root)
    root = place.root
    for folder, mode in (
        (root / "etc", 0o700),
        (place.groups, 0o700),
        (root / "var", 0o755),
        (place.log, 0o700),
        (place.run, 0o700),
    ):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(mode)
    command = watchdog_command(config) if watchdog else ""
    written(place.supervisor_file, supervision.node_text(place, command, LIBRARIES))
    return place


def watchdog_command(config: Configuration) -> str:
    """Return the command line of the listener (section 8.3)."""
    words = [sys.executable, "-m", "pilothouse.node.watchdog", "--master-url", config.master_url]
    if config.certificate_repository_path:
        words += ["--certificate-repository-path", str(config.certificate_repository_path)]
    words += ["--computer-id", config.computer_id, "--instance-root", str(config.instance_root)]
    return " ".join(_word(word) for word in words)


def _word(text: str) -> str:
    """Return a word that supervisord splits off as it is; its library for that would be loaded by every pass."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def written(path: Path, text: str, mode: int = 0o600) -> bool:
    """Make a file hold a text; returns whether anything was changed."""
    try:
        if path.read_text("utf-8") == text and path.stat().st_mode & 0o7777 == mode:
            return False
    except FileNotFoundError:
        pass
    write_atomic(path, text.encode(), mode=mode, durable=True)
    return True


def launch(place: NodePlace, *, watchdog: bool = True) -> Supervisor:
    """Start supervisord if it does not run. Raises SupervisionError when it cannot be started."""
    with locks.held(place.run, "supervisord-start"):
        supervisor = Supervisor(place.socket)
        _end_second(place)
        state = _settled(supervisor)
        if state == "RUNNING":
            _log.debug("Supervisord already running.")
            if watchdog and not supervisor.watches():
                _add_watchdog(supervisor)
            return supervisor
        # a supervisord that ended in order has removed its file
        crashed = (place.run / "supervisord.pid").exists()
        if crashed:
            _end_orphans(place)
        _start(place)
        _await(supervisor)
        if crashed:
            _log.warning("supervisord had ended without stopping its programs; they are started again.")
            start_everything(supervisor)
        return supervisor


def _settled(supervisor: Supervisor) -> str | None:
    """Return the state of supervisord, after the end of one that is ending."""
    until, pause = time.monotonic() + _SHUTDOWN, 0.1
    while (state := supervisor.state()) == "SHUTDOWN" and time.monotonic() < until:
        time.sleep(pause)
        pause = min(2 * pause, 2.0)
    return state


def _end_second(place: NodePlace) -> None:
    """End a supervisord at the newer socket where the older one is kept (section 8.7)."""
    second = place.root / NEWER_SOCKET
    if place.socket == second or not second.exists():
        return
    supervisor = Supervisor(second)
    if supervisor.state() == "RUNNING":
        _log.warning("A second supervisord at %s is ended; %s is kept.", second, place.socket)
        supervisor.call("stopAllProcesses")
        supervisor.call("shutdown")
        _settled(supervisor)


def _start(place: NodePlace) -> None:
    import subprocess  # noqa: PLC0415 - most passes find it running

    _log.info("Launching supervisord with clean environment.")
    done = subprocess.run(
        [*_PROGRAM, "-c", str(place.supervisor_file)],
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        output = done.stdout.decode("utf-8", "replace")
        raise SupervisionError(f"Failed to launch supervisord:\n{output}")


def _await(supervisor: Supervisor) -> None:
    for number in range(10):
        if supervisor.state() == "RUNNING":
            return
        time.sleep(min(0.02 * 2**number, 2))
    raise SupervisionError(f"supervisord was started but does not answer at {supervisor.path}; see its log")


def _end_orphans(place: NodePlace) -> None:
    """End what a supervisord left that was killed, so that nothing runs twice. Raises SupervisionError."""
    from pilothouse.node import processes  # noqa: PLC0415 - only after a crash

    (place.run / "supervisord.pid").unlink(missing_ok=True)
    find = partial(processes.of_supervisor, place.socket)
    processes.ask(find, patience=_GENTLE)
    if left := processes.end(find):
        raise SupervisionError(
            f"programs of a supervisord that was killed cannot be ended: {', '.join(str(one.pid) for one in left)}"
        )


def _add_watchdog(supervisor: Supervisor) -> None:
    for step in ("removeProcessGroup", "addProcessGroup"):
        try:
            if step == "addProcessGroup":
                supervisor.call("reloadConfig")
            supervisor.call(step, "watchdog")
        except RefusalError as fault:
            _log.debug("watchdog: %s", fault)


def align(place: NodePlace, supervisor: Supervisor, group: str) -> bool:
    """Make supervisord follow the file of one group: added, changed or removed; returns whether it did anything.

    Raises SupervisionError when processes of a group would not stop.
    """
    with _changing, locks.held(place.run, "supervisord"):
        added, changed, removed = supervisor.call("reloadConfig")[0]
        if group in added:
            supervisor.call("addProcessGroup", group)
            _log.info("Updated %r", group)
            return True
        if group not in changed and group not in removed:
            return False
        supervisor.call("stopProcessGroup", group, False)
    _stopped(supervisor, group)
    _log.info("Stopped %r", group)
    with _changing, locks.held(place.run, "supervisord"):
        added, changed, removed = supervisor.call("reloadConfig")[0]
        if group in changed or group in removed:
            supervisor.call("removeProcessGroup", group)
        if group in changed or group in added:
            supervisor.call("addProcessGroup", group)
        _log.info("%s %r", "Removed" if group in removed else "Updated", group)
    return True


def _stopped(supervisor: Supervisor, group: str) -> None:
    until = time.monotonic() + _GONE
    pause = 0.02
    while running := _alive(supervisor, group):
        if time.monotonic() > until:
            raise SupervisionError(f"Problem while stopping process {group!r}: {', '.join(running)} still run")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _alive(supervisor: Supervisor, group: str) -> list[str]:
    return [
        f"{one['group']}:{one['name']}"
        for one in supervisor.call("getAllProcessInfo")
        if one["group"] == group and one["statename"] not in _STOPPED
    ]


def start_group(place: NodePlace, supervisor: Supervisor, group: str, *, changed: bool) -> None:
    """Start what of a group does not run."""
    if changed:
        align(place, supervisor, group)
    try:
        try:
            supervisor.call("startProcessGroup", group, False)
        except RefusalError as fault:
            if not fault.unknown or not align(place, supervisor, group):
                raise
            supervisor.call("startProcessGroup", group, False)
    except RefusalError as fault:
        if not fault.unknown:
            raise
        _log.info("Nothing to start on %s...", group)
        return
    _log.info("Requested start of %s...", group)


def start_new(place: NodePlace, supervisor: Supervisor, group: str, *, changed: bool) -> None:
    """Start what of a group was never started; what has ended by itself stays so."""
    if changed:
        align(place, supervisor, group)
    known = [one for one in supervisor.call("getAllProcessInfo") if one["group"] == group]
    if not known and align(place, supervisor, group):
        known = [one for one in supervisor.call("getAllProcessInfo") if one["group"] == group]
    for one in known:
        if one["statename"] == "STOPPED" and not one["start"]:
            supervisor.call("startProcess", f"{group}:{one['name']}", False)


def stop_group(place: NodePlace, supervisor: Supervisor, group: str) -> None:
    """Stop a group and forget it; nothing happens when it is not declared."""
    path = place.group_file(group)
    declared = path.exists()
    path.unlink(missing_ok=True)
    if align(place, supervisor, group) or declared:
        _log.info("Requested stop of %s...", group)


def start_everything(supervisor: Supervisor) -> None:
    """Start whatever is declared and does not run."""
    supervisor.call("startAllProcesses", False)


def foreground(place: NodePlace) -> int:
    """Run supervisord until it ends, its lines on our output; returns its exit status."""
    import subprocess  # noqa: PLC0415 - see above

    command = [*_PROGRAM, "-n", "-c", str(place.supervisor_file)]
    return subprocess.call(command, env={}, cwd="/")


def control(place: NodePlace, words: list[str]) -> int:
    """Be supervisorctl with these words, in this process; returns its exit status."""
    if words == ["status"]:
        with contextlib.suppress(SupervisionError):
            text, code = statuses.shown(Supervisor(place.socket).call("getAllProcessInfo"))
            sys.stdout.write(text)
            return code
    import gc  # noqa: PLC0415 - for people only, like the rest
    import warnings  # noqa: PLC0415

    from supervisor import supervisorctl  # noqa: PLC0415

    with warnings.catch_warnings():
        # it leaves its connection to the end of its process, which is this one
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            supervisorctl.main(["-c", str(place.supervisor_file), *words])
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        finally:
            gc.collect()
    return 0

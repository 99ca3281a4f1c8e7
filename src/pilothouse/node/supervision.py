"""What supervisord is told: its configuration, and the programs of partitions (node spec, section 8). Pure."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from pilothouse.node.layout import NodePlace

WATCHED: Final = "-on-watch"
_NAME: Final = re.compile(r"[\w.+@=~^-]+")
_LIMITS: Final = "stdout_logfile_maxbytes = 100KB\nstdout_logfile_backups = 1\n"
_ERRORS: Final = "stderr_logfile_maxbytes = 100KB\nstderr_logfile_backups = 1\n"


class Service(NamedTuple):
    """One program of a group: the file, and whether somebody is told when it ends."""

    name: str
    command: str
    watched: bool
    uid: int
    gid: int

    @property
    def process_name(self) -> str:
        """Its name within its group."""
        return f"{self.name}{WATCHED}" if self.watched else self.name


class Account(NamedTuple):
    """What programs see of their user."""

    name: str
    home: str


def refused(files: Iterable[Path]) -> list[str]:
    """Return the names that no program may have.

    A partition's user chooses them, and they are written into the file by which root's supervisord goes: a line break
    would begin a program of root's, and a colon or a space would have all groups of the machine refused.
    """
    return sorted(path.name for path in files if not _NAME.fullmatch(path.name))


def services(runners: Iterable[Path], watched: Iterable[Path], uid: int, gid: int) -> tuple[Service, ...]:
    """Return the programs of a partition: those of ``etc/run``, then those of ``etc/service``, which win."""
    found: dict[str, Service] = {}
    for files, watch in ((runners, False), (watched, True)):
        for path in sorted(files):
            found[path.name] = Service(path.name, str(path), watch, uid, gid)
    return tuple(found.values())


def group_text(group: str, folder: Path, programs: Iterable[Service], account: Account) -> str:
    """Return the file of a group (section 8.4)."""
    programs = list(programs)
    names = ",".join(f"{group}_{program.name}" for program in programs)
    head = f"[group:{group}]\nprograms = {names}\n"
    return "\n".join([head, *(_program(group, folder, program, account) for program in programs)])


def _program(group: str, folder: Path, program: Service, account: Account) -> str:
    log = _escaped(f"{folder}/.{group}_{program.name}.log")
    environment = ",".join(
        f"{name}={_quoted(value)}"
        for name, value in (("USER", account.name), ("LOGNAME", account.name), ("HOME", account.home))
    )
    return (
        f"[program:{group}_{program.name}]\n"
        f"directory = {_escaped(str(folder))}\n"
        f"command = {_escaped(program.command)}\n"
        f"process_name = {program.process_name}\n"
        "autostart = false\nautorestart = false\nstartsecs = 0\nstartretries = 0\nexitcodes = 0\n"
        "stopsignal = TERM\nstopwaitsecs = 60\nstopasgroup = true\nkillasgroup = true\n"
        f"user = {program.uid}\ngroup = {program.gid}\n"
        "serverurl = AUTO\nredirect_stderr = true\n"
        f"stdout_logfile = {log}\n{_LIMITS}stderr_logfile = {log}\n{_ERRORS}"
        f"environment = {environment}\n"
    )


def daemon_text(name: str, command: str, log: Path, libraries: str, priority: int = 999, *, root: bool = False) -> str:
    """Return the file of a program that is the machine's own and always runs (section 8.14)."""
    return (
        f"[program:{name}]\ndirectory = /\ncommand = {_escaped(command)}\nprocess_name = {name}\n"
        f"priority = {priority}\nautostart = true\nautorestart = true\nstartsecs = 0\nstartretries = 0\n"
        "exitcodes = 0\nstopsignal = TERM\nstopwaitsecs = 60\nserverurl = AUTO\nredirect_stderr = true\n"
        f"stdout_logfile = {_escaped(str(log))}\n{_LIMITS}"
        f"stderr_logfile = {_escaped(str(log))}\n{_ERRORS}"
        + (f"environment = PYTHONPATH={_quoted(libraries)}\n" if libraries else "")
        + ("user = 0\n" if root else "")
    )


def node_text(place: NodePlace, watchdog: str, libraries: str) -> str:
    """Return ``supervisord.conf`` (section 8.2); ``watchdog`` is a command line, empty for none.

    supervisord starts with an empty environment, so its watchdog is told where this package lies.
    """
    listener = (
        "[eventlistener:watchdog]\n"
        f"command = {_escaped(watchdog)}\n"
        "events = PROCESS_STATE_EXITED, PROCESS_STATE_FATAL\n"
        f"environment = PYTHONPATH={_quoted(libraries)}\n"
    )
    return (
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
        f"[include]\nfiles = {place.groups}/*.conf\n\n"
        f"[supervisorctl]\nserverurl = unix://{place.socket}\n\n"
        "[supervisord]\nloglevel = info\n"
        f"logfile = {place.log}/supervisord.log\nlogfile_maxbytes = 50MB\nlogfile-backups = 10\n"
        # files of other supervisords in a common folder would be removed as leftovers
        f"childlogdir = {place.log}\nnodaemon = false\npidfile = {place.run}/supervisord.pid\n\n"
        f"[unix_http_server]\nfile = {place.socket}\nchmod = 0700\n\n" + (listener if watchdog else "")
    )


def _escaped(text: str) -> str:
    """Return text that supervisord reads as it is: it expands ``%(...)s``."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    return '"' + text.replace("%", "%%").replace('"', '\\"') + '"'

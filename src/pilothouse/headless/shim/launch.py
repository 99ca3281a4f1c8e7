"""The worker: its own session, the mapped account, a clean environment, no new privileges, limits (headless 13.1)."""

import ctypes
import json
import os
import resource
import signal
import socket
from typing import Any, Final, NamedTuple, NoReturn

from pilothouse.headless.shim.cgroup import Group, join
from pilothouse.headless.shim.layout import WORK, Held, Limits, Plan

_SET_DEATH_SIGNAL: Final = 1
_SET_NO_NEW_PRIVILEGES: Final = 38
_SET_SUBREAPER: Final = 36
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SEARCH: Final = "/usr/local/bin:/usr/bin:/bin"
_BOOT: Final = (
    "import json, sys; plan = json.load(open(int(sys.argv[1]), encoding='utf-8')); "
    "exec(compile(plan.pop('worker'), '<worker>', 'exec'), {'__name__': 'pilothouse_worker', 'plan': plan})"
)
_PARTS: Final = ("planta_job", "ppms", "program")
_NOT_STARTED: Final = 127
_LAST_WORDS: Final = 5  # seconds between the signal that a process may catch and the one that it may not


class Worker(NamedTuple):
    """A worker that was started, and what comes from it; the descriptors do not block."""

    pid: int
    stdout: int
    stderr: int
    channel: int


def adopt_orphans() -> None:
    """Become the parent of whatever descendant loses its own."""
    _prctl(_SET_SUBREAPER, 1)


def start(plan: Plan, folder: int, group: Group | None) -> Worker:
    """Start the worker of a session, in its group if there is one; raises OSError when that cannot be."""
    stdout, out = os.pipe()
    stderr, err = os.pipe()
    ours, theirs = socket.socketpair()
    channel, told = ours.detach(), theirs.detach()
    program = _program(plan)
    pid = os.fork()
    if pid == 0:
        _become(plan, folder, group, program, out, err, told)
    for each in (out, err, told, program):
        os.close(each)
    for each in (stdout, stderr, channel):
        os.set_blocking(each, False)
    return Worker(pid, stdout, stderr, channel)


def _program(plan: Plan) -> int:
    """Return an open file with the worker's program and its jobs; its account need not be able to read ours."""
    here = os.path.join(os.path.dirname(os.path.dirname(__file__)), "worker")
    sources = {}
    for name in _PARTS:
        with open(os.path.join(here, f"{name}.py"), encoding="utf-8") as file:
            sources[name] = file.read()
    given: dict[str, Any] = {
        "worker": sources.pop("program"),
        "modules": sources,
        "session": plan["session"],
        "user": plan["user"],
        "jobs": plan["jobs"],
        "on_error": plan["on_error"],
        "result": plan["limits"]["result"],
    }
    file_number = os.memfd_create("worker")
    with open(file_number, "w", encoding="utf-8", closefd=False) as file:
        json.dump(given, file)
    os.lseek(file_number, 0, os.SEEK_SET)
    return file_number


def _become(plan: Plan, folder: int, group: Group | None, program: int, out: int, err: int, told: int) -> NoReturn:
    """Turn this process, just forked, into the worker; it never returns."""
    try:
        if group is not None:
            join(group)
        os.setsid()
        os.fchdir(folder)
        os.chdir(WORK)
        os.umask(0o077)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        for each in (program, told):
            os.set_inheritable(each, True)
        _limit(plan["limits"], held(plan, group))
        _change_account(plan)
        _prctl(_SET_NO_NEW_PRIVILEGES, 1)
        # after the account is changed, which would undo it: without its shim a worker has nobody to answer to
        _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        words = [plan["python"], "-I", "-X", "utf8", "-c", _BOOT, str(program), str(told)]
        os.execve(plan["python"], words, _environment(plan))
    except BaseException as error:  # noqa: BLE001 - nothing may get back into the shim's own code
        hint = ""
        if isinstance(error, PermissionError):
            hint = f"; let the account {plan['account']['name']} run it, or set headless_python to one that it can"
        os.write(2, f"the worker cannot be started: {error}{hint}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _change_account(plan: Plan) -> None:
    account = plan["account"]
    if account["uid"] is None:
        return
    os.setgroups(account["groups"])
    os.setgid(account["gid"])
    os.setuid(account["uid"])


def _environment(plan: Plan) -> dict[str, str]:
    account = plan["account"]
    return {
        "PATH": _SEARCH,
        "HOME": account["home"],
        "USER": account["name"],
        "LOGNAME": account["name"],
        "LANG": "C.UTF-8",
        mark_name(): plan["session"],
    }


def mark_name() -> str:
    """Return the variable by which leftovers of a session are found when its shim is gone."""
    return "PLANTA_SESSION"


def held(plan: Plan, group: Group | None) -> Held:
    """Return by what memory and processes of a session are limited."""
    by_group = group.limits if group is not None else frozenset()
    # the kernel counts by account: in an account that the server shares, it would count others' processes
    processes = "none" if plan["account"]["uid"] is None else "rlimit"
    return Held(
        group=group.path if group is not None else "",
        memory="cgroup" if "memory" in by_group else "rlimit",
        processes="cgroup" if "pids" in by_group else processes,
    )


def _limit(limits: Limits, by: Held) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for what, value in (
        (resource.RLIMIT_AS, limits["memory"] if by["memory"] == "rlimit" else 0),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_NPROC, limits["processes"] if by["processes"] == "rlimit" else 0),
        (resource.RLIMIT_FSIZE, limits["file_size"]),
    ):
        if value:
            _, hard = resource.getrlimit(what)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            last = most + _LAST_WORDS if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else most
            resource.setrlimit(what, (most, last))


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

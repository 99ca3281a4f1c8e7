"""The entry of the process: it forks a runner for every partition it is asked for, or is the runner of one.

A process that serves many has opened no promise: each runner takes the partition's user before it looks at one.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress

import slapos.grid.promise  # noqa: F401  # ours comes first, whatever plugins bring

from pilothouse.node.promising import processes
from pilothouse.node.promising.job import Job
from pilothouse.node.promising.runner import Runner

_LARGEST = 1024 * 1024


def main(arguments: list[str]) -> None:
    """Serve: ``serve FD`` many partitions, one for each channel that comes through FD; ``one FD`` a single one."""
    kind, descriptor = arguments
    door = socket.socket(fileno=int(descriptor))
    os.set_inheritable(int(descriptor), False)
    with door:
        if kind == "one":
            _run(door)
        else:
            _serve(door)


def _serve(door: socket.socket) -> None:
    # not ignored: whoever accounts for processes would not see what the runners took
    signal.signal(signal.SIGCHLD, _reap)
    gc.freeze()  # what is here stays, and forks share it as long as nobody counts it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node hears it, and closes the door
    while True:
        data, channels, _, _ = socket.recv_fds(door, 1, 8)
        if not data:
            return
        for channel in channels:
            if os.fork() == 0:
                door.close()
                _alone(socket.socket(fileno=channel))
            os.close(channel)


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _alone(channel: socket.socket) -> None:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _run(channel)
        code = 0
    finally:
        os._exit(code)


def _run(channel: socket.socket) -> None:
    try:
        job = Job(**json.loads(_request(channel)))
        _become(job)
        os.chdir(job.partition)
        processes.adopt()
        Runner(job, channel).run()
    except Exception as error:  # noqa: BLE001 - the node says it
        traceback.print_exc(file=sys.stderr)
        text = f"{type(error).__name__}: {error}"
        with suppress(OSError):
            channel.sendall(json.dumps({"event": "broken", "text": text}).encode() + b"\n")
    sys.stderr.flush()


def _request(channel: socket.socket) -> bytes:
    request = b""
    while not request.endswith(b"\n"):
        piece = channel.recv(_LARGEST)
        if not piece:
            raise EOFError("the node went away before it said what to do")
        request += piece
    return request


def _become(job: Job) -> None:
    """Take the partition's user for good; never root's (node spec 13.3)."""
    if os.geteuid() == 0 and job.uid and job.gid:
        os.setgroups(os.getgrouplist(job.user, job.gid) if job.user else [job.gid])
        os.setresgid(job.gid, job.gid, job.gid)
        os.setresuid(job.uid, job.uid, job.uid)
    os.umask(0o022)

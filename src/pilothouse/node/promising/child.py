"""The process of one promise: it loads it, notes when it is due again, executes it, and hands over the result."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import Any

from pilothouse.checks import history, schedule
from pilothouse.checks.result import Result
from pilothouse.node.promising import files, loading, processes, wrapper
from pilothouse.node.promising.discovery import Found
from pilothouse.node.promising.files import Files
from pilothouse.node.promising.generic import GenericPromise
from pilothouse.node.promising.job import Job
from pilothouse.node.promising.logfile import PromiseLog


class Answer:
    """The ``queue`` of a promise's configuration: it takes the result once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def put(self, found: tuple[Result, bool]) -> None:
        """Hand over the result, and whether the master is to be told at once."""
        result, bang = found
        document = json.dumps({"result": result.document(), "bang": bang}).encode()
        while document:
            document = document[os.write(self._descriptor, document) :]


def start(found: Found, job: Job) -> tuple[int, int, int]:
    """Start a promise in a process and a group of its own; returns its pid, and where its answer and output come."""
    answer, answer_end = os.pipe()
    output, output_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(answer)
            os.close(output)
            _become(output_end)
            code = _carry_out(found, job, answer_end)
        finally:
            os._exit(code)
    os.close(answer_end)
    os.close(output_end)
    return pid, answer, output


def _become(output: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    processes.die_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _carry_out(found: Found, job: Job, answer: int) -> int:
    _close_others(answer)
    try:
        promise = _promise(found, job, answer)
        _note(promise, found, job)
        promise.run(check_anomaly=job.anomaly, can_bang=job.can_bang)
        code = 0
    except BaseException:  # noqa: BLE001 - the promise has no answer; why is in the logs
        _explain(found, job)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _close_others(answer: int) -> None:
    """Close what the other promises talk through."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor != answer:  # noqa: PLR2004 - the standard ones
            try:
                os.close(descriptor)
            except OSError:
                continue


def _promise(found: Found, job: Job, answer: int) -> GenericPromise:
    config: dict[str, Any] = {
        **job.config,
        "path": found.path,
        "name": found.name,
        "log-folder": Files(job.partition).logs,
        "partition-folder": job.partition,
        "promise-timeout": job.timeout,
        "queue": Answer(answer),
    }
    return loading.load(found.name, found.path, config) if found.plugin else wrapper.WrapPromise(config)


def _note(promise: GenericPromise, found: Found, job: Job) -> None:
    module = found.path if found.plugin else wrapper.__file__
    card = schedule.stamped(
        tested=promise.isTested(),
        detected=promise.isAnomalyDetected(),
        periodicity=promise.getPeriodicity(),
        now=time.time(),
        anomaly=job.anomaly,
        module=module,
        mtime=os.stat(module).st_mtime,
    )
    try:
        files.save(Files(job.partition).cache(found.title), card._asdict())
    except OSError as error:  # it is merely run earlier than it asks for
        print(f"when {found.name} is due cannot be noted: {error.strerror}", file=sys.stderr)


def _explain(found: Found, job: Job) -> None:
    """Say why there is no promise, to whoever looks into its log, too."""
    text = traceback.format_exc()
    print(text, file=sys.stderr)
    execution = history.execution_id(time.time())
    PromiseLog(Files(job.partition).log(found.title), execution).logger(found.name, 0).error("%s", text.strip())

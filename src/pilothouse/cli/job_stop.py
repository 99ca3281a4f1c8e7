"""``pilothouse job abort`` and ``job pause``: stop a job that runs on this machine."""

import argparse

import msgspec

from pilothouse.cli.job_standing import existing
from pilothouse.engine.stop import Stopped, abort_job, pause_job
from pilothouse.errors import ExitCode, RefusedError


def abort(chosen: argparse.Namespace) -> int:
    """End a running job; raises RefusedError when none runs or it cannot be ended."""
    return _said(chosen, "aborted", abort_job(existing(chosen)))


def pause(chosen: argparse.Namespace) -> int:
    """Let a running job stop after the operations under way."""
    return _said(chosen, "paused", pause_job(existing(chosen)))


def _said(chosen: argparse.Namespace, word: str, outcome: Stopped) -> int:
    job = chosen.job
    if outcome is Stopped.NOT_RUNNING:
        raise RefusedError(f"job {job} is not running; see: pilothouse job show {job}")
    if outcome is Stopped.STILL_THERE:
        raise RefusedError(f"job {job} could not be {word}: its engine does not end")
    if chosen.json:
        print(msgspec.json.encode({"job_id": job, "state": word}).decode())
    else:
        print(f"job {job} is {word}; to go on: pilothouse job retry {job}")
    return ExitCode.SUCCESS

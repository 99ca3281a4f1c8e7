"""The worker: runs the jobs of a session one after another, each in a ``__main__`` of its own (headless 13.3)."""

import base64
import contextlib
import importlib
import json
import linecache
import os
import signal
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Iterable
from typing import Any

Job = dict[str, Any]
_NAMED = 5  # nodes that a reason names
_KILLED = 128  # what a shell adds to the number of the signal
_LARGEST = 1 << 63
# what the server hands on are settings that are no secret; a key for sealed passwords is the account's own
_SETTINGS = ("~/.config/pilothouse/pilothouse.toml", "/etc/pilothouse/pilothouse.toml")
_PATIENCE = 20.0  # seconds that a command may take to end when it is told to


def run(plan: dict[str, Any], channel: int) -> None:
    """Run the jobs of a plan; what happens to them is said on ``channel``."""
    os.set_inheritable(channel, False)
    talk = _module("planta_job", plan)
    _module("ppms", plan)._job = talk  # type: ignore[attr-defined]
    talk._channel = channel  # type: ignore[attr-defined]
    talk._limit = plan["result"]  # type: ignore[attr-defined]
    talk.session_id, talk.user = plan["session"], plan["user"]  # type: ignore[attr-defined]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _Worker(talk, plan["on_error"] == "stop").run(plan["jobs"])


class _NotOk(Exception):  # noqa: N818 - a verdict
    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


class _Worker:
    def __init__(self, talk: Any, stop: bool) -> None:
        self._talk = talk
        self._stop = stop
        self._inside = False
        self._pid = os.getpid()
        signal.signal(signal.SIGTERM, self._told)

    def run(self, jobs: list[Job]) -> None:
        for number, job in enumerate(jobs, 1):
            if self._talk.cancelled.is_set():
                return
            state = self._one(number, job)
            if state == "cancelled" or (state != "ok" and self._stop):
                return

    def _told(self, _number: int, _frame: object) -> None:
        first = not self._talk.cancelled.is_set()
        self._talk.cancelled.set()
        if first and self._inside:
            raise self._talk.JobCancelled("the session is being cancelled")

    def _one(self, number: int, job: Job) -> str:
        talk = self._talk
        talk._job, talk.params = number, dict(job.get("params") or {})
        talk._say("begin")
        talk._wait()
        state, rc, reason = self._verdict(job)
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the job left running would go on with the next job
        talk._say("end", state=state, rc=rc, reason=reason)
        talk._wait()
        return state

    def _verdict(self, job: Job) -> tuple[str, int | None, str]:
        try:
            self._inside = True
            try:
                if self._talk.cancelled.is_set():
                    raise self._talk.JobCancelled("the session is being cancelled")
                rc = _KINDS[job["kind"]](job)
            finally:
                self._inside = False
        except self._talk.JobCancelled as error:
            return "cancelled", None, str(error)
        except SystemExit as error:
            return _exit(error.code)
        except _NotOk as error:
            return "failed", error.code, str(error)
        except BaseException as error:  # noqa: BLE001 - whatever a job raises is its verdict
            return "failed", None, _explain(error)
        return _exit(rc)


def _exit(code: object) -> tuple[str, int | None, str]:
    if code is None or code == 0:
        return "ok", 0, ""
    if isinstance(code, int):
        return "failed", int(code), f"exit {int(code)}" if abs(code) < _LARGEST else "exit with a very large number"
    print(code, file=sys.stderr)
    return "failed", 1, str(code)


def _explain(error: BaseException) -> str:
    """Print the traceback without the worker's own frames; returns its last line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == "<worker>":
        trace = trace.tb_next
    error.__traceback__ = trace
    with contextlib.suppress(Exception):
        traceback.print_exception(error)
    return traceback.format_exception_only(error)[-1].strip()


def _source(job: Job) -> None:
    name = job["name"]
    text = base64.b64decode(job["source"])
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=name, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.argv = [name]
    if job.get("path"):
        sys.path.insert(0, job["path"])
    shown = text.decode("utf-8", "replace")
    linecache.cache[name] = (len(shown), None, shown.splitlines(keepends=True), name)
    try:
        exec(compile(text, name, "exec"), main.__dict__)  # noqa: S102 - this is what a worker is for
    finally:
        if job.get("path"):
            sys.path.remove(job["path"])


def _entry(job: Job) -> object:
    name, _, function = job["entry"].partition(":")
    sys.argv = [job["name"]]
    found = getattr(importlib.import_module(name), function)(**dict(job.get("params") or {}))
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _command(job: Job) -> int:
    environment = {**os.environ, **{f"PLANTA_PARAM_{name}": value for name, value in (job.get("params") or {}).items()}}
    with subprocess.Popen(job["command"], stdin=subprocess.DEVNULL, env=environment) as process:
        return _waited(process)


def _definition(job: Job) -> int:
    """Let the engine run a job definition; its lines are the log, its end is ours."""
    for name, content in job["files"].items():
        with open(name, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(content)
    try:
        return _engine(job)
    finally:
        for name in job["files"]:  # parameters may be secrets
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108


def _engine(job: Job) -> int:
    environment = {"PILOTHOUSE_CONFIG": _settings(), **os.environ, **(job.get("environment") or {})}
    with subprocess.Popen(job["command"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment) as process:
        try:
            failed = _relay(process.stdout or ())
        except BaseException:
            _end(process)
            raise
        code = _waited(process)
    if code and failed:
        raise _NotOk(code, f"{', '.join(failed[:_NAMED])}{' and others' * (len(failed) > _NAMED)} failed")
    return code


def _settings() -> str:
    """Return the settings file that this account may read; the server's own is often closed to it."""
    for place in _SETTINGS:
        path = os.path.expanduser(place)  # noqa: PTH111
        if os.access(path, os.R_OK):
            return path
    return os.devnull


def _relay(lines: Iterable[bytes]) -> list[str]:
    """Pass on what the engine tells as JSON, an event a line; returns the nodes that failed."""
    talk = sys.modules["planta_job"]
    total, done = 0, 0
    failed: list[str] = []
    for line in lines:
        try:
            event = json.loads(line)
            kind = event["type"]
        except (ValueError, KeyError, TypeError):
            print(line.decode("utf-8", "replace").rstrip())
            continue
        place = event.get("node") or {}
        node = place.get("name") or place.get("host") or "runner"
        match kind:
            case "JobStarted":
                total = event.get("total") or 0
            case "Lines":
                for each in event["lines"]:
                    print(f"{node}: {each}")
            case "NodeEnded" | "NodeSkipped":
                done += 1
                if event["state"] not in {"succeeded", "skipped", "ignored"} and node not in failed:
                    failed.append(node)
                talk.progress(done, total or None, f"{event['phase']} {node}: {event['state']}", "nodes")
            case "OperationEnded":
                why = f": {event['reason']}" if event.get("reason") else ""
                talk.info(f"{event['phase']} {node} {event['operation']}: {event['state']}{why}")
            case "PhaseStarted":
                talk.info(f"phase {event['phase']} begins")
    return failed


def _waited(process: "subprocess.Popen[bytes]") -> int:
    try:
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    if code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
        raise _NotOk(_KILLED - code, f"killed by {name}")
    return code


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)


def _module(name: str, plan: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(plan["modules"][name], f"<{name}>", "exec"), module.__dict__)  # noqa: S102 - our own text
    return module


_KINDS: dict[str, Callable[[Job], object]] = {
    "code": _source,
    "file": _source,
    "python": _entry,
    "command": _command,
    "definition": _definition,
}

if __name__ == "pilothouse_worker":
    run(globals()["plan"], int(sys.argv[2]))

"""``basic/waitjob``: wait until jobs of the control server have ended (spec section 8.6, 25)."""

import time
from typing import Any, Final, Literal

from pilothouse.controlserver import calls
from pilothouse.controlserver.replies import ServerRefusedError, ServerUnavailableError
from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.server import ControlServer, required

_SECONDS: Final = 3.0
_GOOD: Final = frozenset({"completed", "succeed", "checked"})
_OPEN: Final = frozenset({"running", "waiting", "pending"})

Standing = Literal["good", "open", "bad"]


def main() -> int:
    """Wait for all jobs; ends with 1 when one of them failed, unless that does not matter."""
    add = program.parser("Wait for jobs of the control server.")
    program.switch(add, "--ignorefailed", "succeed though a job failed")
    add.add_argument("--interval", type=float, default=_SECONDS)
    add.add_argument("jobs", nargs="*")
    chosen = add.parse_args()
    waiting = {number: "" for word in chosen.jobs for number in word.replace(",", " ").split()}
    if not waiting:
        raise UsageError("there is no job to wait for; give ids of jobs")
    if not chosen.interval > 0:
        raise UsageError(f"--interval: {chosen.interval:g}; allowed: a number of seconds above 0")
    bad = _wait(required("basic/waitjob"), waiting, chosen.interval)
    if bad and chosen.ignorefailed:
        program.say("WARN", f"failed jobs do not matter here: {', '.join(bad)}")
    return 1 if bad and not chosen.ignorefailed else 0


def standing(word: str) -> Standing:
    """Return what a job's status means to one who waits."""
    if word.lower() in _GOOD:
        return "good"
    return "open" if word.lower() in _OPEN else "bad"


def _wait(server: ControlServer, known: dict[str, str], interval: float) -> list[str]:
    """Ask again and again until no job is open; returns those that did not end well."""
    bad = []
    waiting = list(known)
    while waiting:
        for job_id in tuple(waiting):
            word = _status(server, job_id)
            if word is None:
                continue
            means = standing(word)
            if word != known[job_id]:
                program.say({"good": "FINE", "open": "INFO", "bad": "ERROR"}[means], f"job {job_id} is {word}")
                known[job_id] = word
            if means != "open":
                waiting.remove(job_id)
            if means == "bad":
                bad.append(job_id)
        if waiting:
            time.sleep(interval)
    return bad


def _status(server: ControlServer, job_id: str) -> str | None:
    """Return a job's status; None when the server cannot say now: an outage ends no waiting."""
    try:
        answer: Any = server.ask(calls.JOB_STATE, {"jobId": job_id})
    except ServerUnavailableError as error:
        program.say("WARN", f"{error}; asked again later")
        return None
    except ServerRefusedError as error:
        program.say("WARN", str(error))
        return "unknown"
    word = answer.get("status") if isinstance(answer, dict) else None
    # older servers wrap the word together with its text
    word = word.get("name") or word.get("value") if isinstance(word, dict) else word
    return str(word or "unknown")

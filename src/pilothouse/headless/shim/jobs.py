"""How the jobs of a session stand, and what that makes of the session (headless 10.3, 13.3)."""

import signal
from typing import Any, Final

from pilothouse.headless.shim.layout import JobEnd

_FINAL: Final = frozenset({"ok", "failed", "skipped", "cancelled"})


class Jobs:
    """The jobs in order, numbered from 1."""

    def __init__(self, count: int) -> None:
        self.ends = [
            JobEnd(state="waiting", rc=None, signal="", reason="", started=None, ended=None) for _ in range(count)
        ]
        self.current = 1

    def begin(self, number: int, now: float) -> dict[str, Any]:
        """Take note that a job runs; returns the event's fields."""
        self.current = number
        end = self.ends[number - 1]
        end["state"], end["started"] = "running", now
        return {"job": number, "state": "running"}

    def finish(self, number: int, state: str, now: float, **said: Any) -> dict[str, Any]:
        """Take note of a job's end; returns the event's fields."""
        end = self.ends[number - 1]
        end["state"], end["ended"] = state, now
        end["rc"], end["signal"] = said.get("rc"), said.get("signal") or ""
        end["reason"] = str(said.get("reason") or "")[:1000]
        fields: dict[str, Any] = {"job": number, "state": state}
        if end["started"] is not None:
            fields["duration"] = round(now - end["started"], 3)
        if end["rc"] is not None:
            fields["rc"] = end["rc"]
        if end["signal"]:
            fields["signal"] = end["signal"]
        if end["reason"]:
            fields["#text"] = end["reason"]
        return fields

    def settle(self, status: int, cancelled: str, now: float) -> list[dict[str, Any]]:
        """End what the worker left open when it ended with this status; returns the events' fields."""
        found = []
        if not cancelled and all(end["state"] == "waiting" for end in self.ends):
            self.begin(1, now)  # it was to run, and its worker did not get that far
        for number, end in enumerate(self.ends, 1):
            if end["state"] in _FINAL:
                continue
            if end["state"] == "waiting":
                found.append(self.finish(number, "skipped", now))
            elif cancelled:
                found.append(self.finish(number, "cancelled", now, reason=cancelled))
            else:
                found.append(self.finish(number, "failed", now, **_death(status)))
        return found

    def session_state(self) -> str:
        """Return how a session ends that nobody cancelled."""
        return "ok" if all(end["state"] == "ok" for end in self.ends) else "failed"

    def counted(self) -> dict[str, int]:
        """Return the counts of session-end."""
        states = [end["state"] for end in self.ends]
        failed = states.count("failed") + states.count("cancelled")
        return {"jobs": len(states), "ok": states.count("ok"), "failed": failed, "skipped": states.count("skipped")}


def _death(status: int) -> dict[str, Any]:
    if status < 0:
        name = signal.Signals(-status).name if -status in signal.valid_signals() else str(-status)
        return {"signal": name, "reason": f"killed by {name}"}
    return {"rc": status, "reason": "the worker ended before the job did"}

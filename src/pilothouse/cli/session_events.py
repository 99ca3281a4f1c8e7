"""The events of a session as lines for people: when, a mark, of which job, what. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pilothouse.cli.display.palette import DIM, STYLES, Line, Marks, clean, took
from pilothouse.clock import stamp

_KINDS: Final[Mapping[str, str]] = {
    "ok": "succeeded",
    "failed": "failed",
    "expired": "failed",
    "lost": "failed",
    "cancelled": "aborted",
    "cancelling": "aborted",
    "running": "running",
    "skipped": "skipped",
    "waiting": "pending",
    "queued": "pending",
    "starting": "pending",
}
_LEVELS: Final[Mapping[str, str]] = {"warn": "yellow", "error": "bold red", "debug": DIM}


def kind_of(state: str) -> str:
    """Return the palette's word for the state of a session or a job."""
    return _KINDS.get(state, "pending")


def line_of(event: Mapping[str, Any], marks: Marks) -> Line:
    """Return the line of an event as it lies in the spool."""
    at = datetime.fromisoformat(event["t"]).timestamp()
    job = f"job {event['job']}" if "job" in event else "session"
    text = clean(str(event.get("#text", "")))
    mark = " "
    parts: Line
    match event["#name"]:
        case "log":
            bad = "yellow" if event["stream"] == "stderr" else ""
            parts = ((f"{marks.tail} ", DIM), (text, bad))
        case "progress":
            parts = ((_progress(event, text), DIM),)
        case "info":
            parts = ((text, _LEVELS.get(event["level"], "")),)
        case "result":
            parts = ((f"result: {text}", ""),)
        case _:
            style = STYLES[kind_of(event["state"])]
            mark = marks.of[kind_of(event["state"])]
            parts = ((_state(event, text), style),)
    style = STYLES[kind_of(event["state"])] if "state" in event else ""
    return ((f"{stamp(at, '%H:%M:%S')} ", DIM), (f"{mark} ", style), (f"{job:8}", ""), *parts)


def _progress(event: Mapping[str, Any], text: str) -> str:
    total = f" of {event['total']:g}" if event.get("total") is not None else ""
    return " ".join(filter(None, (f"{event['done']:g}{total}", clean(str(event.get("unit", ""))), text)))


def _state(event: Mapping[str, Any], text: str) -> str:
    parts = [str(event["state"])]
    if "duration" in event:
        parts.append(took(event["duration"]))
    if "signal" in event:
        parts.append(str(event["signal"]))
    elif event.get("rc") is not None:
        parts.append(f"exit {event['rc']}")
    if event["#name"] == "session-end":
        counts = [f"{event[name]} {name}" for name in ("ok", "failed", "skipped") if event.get(name)]
        parts.append(f"jobs: {' and '.join(counts) or 'none'}")
    if event.get("position"):
        parts.append(f"at position {event['position']}")
    return ", ".join(parts) + (f": {text}" if text else "")

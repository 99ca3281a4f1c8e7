"""What a session tells while it is waited for (spec section 9.4)."""

from typing import Final

from pilothouse.headless.client.report import Report
from pilothouse.headless.client.stop import TrustError
from pilothouse.headless.codes import ProtocolError, ReturnCode
from pilothouse.headless.xml_profile import Element, text_of

_EVENTS: Final = frozenset({"info", "log", "progress", "job-state", "result", "session-state", "session-end"})


class Session:
    """One accepted session. ``last`` is the number of the last event taken, so that none is shown twice."""

    def __init__(self, sid: str, report: Report) -> None:
        self.sid = sid
        self.last = 0
        self._report = report

    def take(self, message: Element) -> int | None:
        """Show an event; returns the return code if it is the end, and nothing for messages that are no event."""
        if message.name not in _EVENTS or message.attributes.get("session") != self.sid:
            return None
        number = _number(message.attributes.get("ev", ""))
        if number <= self.last:
            return None
        self.last = number
        try:
            text = text_of(message)
        except ProtocolError as error:
            raise TrustError(f"the server broke the protocol: {error}") from error
        if message.name == "session-end":
            duration = message.attributes.get("duration")
            return self.ended(message.attributes.get("state", "lost"), f" ({duration} s)" if duration else "", text)
        self._report.info(_shown(message, text))
        return None

    def skip_to(self, first: str) -> None:
        """Events before ``first`` are gone; go on there."""
        missing = _number(first) - 1 - self.last
        if missing <= 0:
            raise TrustError("the server has lost events that it says it has")
        self.last += missing
        self._report.info(f"{missing} events of the session are no longer kept")

    def ended(self, state: str, duration: str, reason: str = "") -> int:
        """Say how the session ended; returns the return code."""
        code = ReturnCode.OK if state == "ok" else ReturnCode.NOT_OK
        why = f": {reason}" if reason else ""
        self._report.info(f"session {self.sid} ended: {state}{duration}, exit {int(code)}{why}")
        self._report.log(f"session {self.sid} ended: {state}{why}")
        return code


def _shown(event: Element, text: str) -> str:
    get = event.attributes.get
    job = f"job {get('job')}" if get("job") else ""
    why = f": {text}" if text else ""
    match event.name:
        case "log":
            return f"{job} {get('stream', 'stdout')}: {text}"
        case "info":
            return f"{job} {get('level', 'info')}: {text}".lstrip()
        case "progress":
            total = f" of {get('total')}" if get("total") else ""
            return f"{job} progress: {get('done')}{total} {get('unit', '')} {text}".rstrip()
        case "job-state":
            details = "".join(f", {name} {get(name)}" for name in ("rc", "signal") if get(name))
            return f"{job} {get('state')}{details}{why}"
        case "result":
            return f"{job} result: {text}"
        case _:
            position = f" at position {get('position')}" if get("position") else ""
            return f"session {get('session')} {get('state')}{position}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise TrustError("the server sent an event without a number")
    return int(text)

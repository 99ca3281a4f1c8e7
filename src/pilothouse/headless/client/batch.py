"""One call from its start to its return code: start, wait, come back, leave (spec sections 7 and 10.2)."""

import os
import time
from collections.abc import Callable
from typing import Final

from pilothouse.headless.client.account import os_host, os_user
from pilothouse.headless.client.command_line import Call
from pilothouse.headless.client.events import Session
from pilothouse.headless.client.link import Link, refusal
from pilothouse.headless.client.report import Report
from pilothouse.headless.client.settings import ClientSettings
from pilothouse.headless.client.stop import ClientError, LostError, ServerRefusedError, SignalStop, TrustError
from pilothouse.headless.codes import ErrorCode, ReturnCode
from pilothouse.headless.limits import LABEL
from pilothouse.headless.xml_profile import Element, with_text

_ANSWER_TIME: Final = 30.0
_LEAVING_TIME: Final = 2.0
_LONGEST_PAUSE: Final = 15.0
_JITTER: Final = 0.2
# a server that is being restarted or is full for a moment is worth another try while a session is waited for
_PASSING: Final = frozenset({ErrorCode.SERVER_FULL, ErrorCode.SHUTTING_DOWN})
_ENDED: Final = frozenset({"ok", "failed", "cancelled", "expired", "lost"})

Connect = Callable[[], Link]


class Batch:
    """The session of this call, seen over one connection after another."""

    def __init__(self, call: Call, settings: ClientSettings, report: Report, connect: Connect) -> None:
        """``connect`` makes a connection that is logged in."""
        self._call = call
        self._settings = settings
        self._report = report
        self._connect = connect
        self._link: Link | None = None
        self._session: Session | None = None
        self._until = float("inf")
        self._verdict: int | None = None

    def run(self) -> int:
        """Do it all; returns the return code. Raises ClientError with another."""
        try:
            return self._run()
        except SignalStop as signal:
            return self._leave_by(signal)
        finally:
            if self._link:
                self._link.close()

    def _run(self) -> int:
        self._link = self._connect()
        self._session = self._start(start_message(self._call, self._settings, os_user(), events=self._events))
        if self._call.timeout is None:
            self._report.info("not waiting for the session")
            return self._decided(ReturnCode.OK)
        if self._call.timeout == 0:
            return self._look_once(self._session)
        if self._call.timeout > 0:
            self._until = time.monotonic() + self._call.timeout
        return self._wait(self._session)

    @property
    def _events(self) -> str:
        return "all" if self._report.verbose else "end"

    def _start(self, message: Element) -> Session:
        """Start once, however often the connection goes: the request id stays the same."""
        closes = 0.0
        while True:
            try:
                return self._started(message)
            except LostError as error:
                # one window for all tries: a server that falls over each time must not be asked for ever
                closes = closes or self._window()
                self._come_back(error, self._reconnected, closes)

    def _started(self, message: Element) -> Session:
        link = self._linked()
        link.send(message)
        accepted = link.expect(time.monotonic() + _ANSWER_TIME, "accepted")
        session = Session(accepted.attributes.get("session", ""), self._report)
        count = len(self._call.jobs)
        joined = ", joined" if accepted.attributes.get("joined") == "true" else ""
        self._report.info(f"session {session.sid} accepted ({count} job{'s' * (count > 1)}{joined})")
        return session

    def _look_once(self, session: Session) -> int:
        link = self._linked()
        link.send(Element("query", {"session": session.sid}))
        until = time.monotonic() + _ANSWER_TIME
        state = ""
        while not state:
            message = link.receive(until)
            if message is None:
                raise LostError("the server did not answer in time")
            if message.name in {"refused", "error"}:
                raise refusal(message)
            if message.name == "status":
                state = message.attributes.get("state", "lost")
            elif (code := session.take(message)) is not None:
                return self._decided(code)
        if state in _ENDED:
            return self._decided(session.ended(state, ""))
        self._report.info(f"timeout after 0 s, session {session.sid} continues on the server")
        return self._decided(ReturnCode.TIMEOUT)

    def _wait(self, session: Session) -> int:
        while True:
            try:
                message = self._linked().receive(self._until)
                if message is None:
                    why = f"timeout after {self._call.timeout} s"
                    return self._leave(session, why)
                if (code := self._taken(session, message)) is not None:
                    return self._decided(code)
            except LostError as error:
                self._come_back(error, lambda: self._attach(session), self._window())

    def _taken(self, session: Session, message: Element) -> int | None:
        """Return the return code if the message decides it."""
        if message.name == "error" and message.attributes.get("code") == str(int(ErrorCode.EVENTS_GONE)):
            session.skip_to(message.attributes.get("first", "1"))
            self._attach_from(session)
            return None
        if message.name in {"refused", "error"}:
            raise refusal(message)
        return session.take(message)

    def _leave(self, session: Session, why: str) -> int:
        """Detach; an end that arrives before the server lets go still counts."""
        link = self._linked()
        try:
            link.send(Element("detach", {"session": session.sid}))
            until = time.monotonic() + _LEAVING_TIME
            while (message := link.receive(until)) is not None and message.name != "detached":
                if (code := session.take(message)) is not None:
                    return code
        except (LostError, TrustError):
            pass  # it was known to run when the time was up
        self._farewell()
        self._report.info(f"{why}, session {session.sid} continues on the server")
        return ReturnCode.TIMEOUT

    def _leave_by(self, signal: SignalStop) -> int:
        if self._verdict is not None:
            return self._verdict
        if self._session is None:
            raise ClientError(f"{signal.name} before the session was accepted") from signal
        if self._link is None:
            raise ClientError(f"{signal.name} while the server was out of reach") from signal
        return self._leave(self._session, signal.name)

    def _decided(self, code: int) -> int:
        """Say goodbye; from here on no signal changes the return code."""
        self._verdict = code
        self._farewell()
        return code

    def _farewell(self) -> None:
        try:
            self._linked().send(Element("bye"))
        except LostError:
            return

    def _window(self) -> float:
        return min(time.monotonic() + self._settings.reconnect_window, self._until)

    def _come_back(self, lost: LostError, again: Callable[[], None], closes: float) -> None:
        """Try ``again`` until it works; raises LostError when the reconnect window or the deadline closes."""
        import random  # most calls never lose their connection

        self._report.info(f"{lost}; trying again")
        if self._link:
            self._link.close()
            self._link = None
        pause = 1.0
        while True:
            rest = pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - to spread clients, not a secret
            if time.monotonic() + rest >= closes:
                time.sleep(max(0.0, closes - time.monotonic()))
                raise LostError(f"the connection is gone and did not come back: {lost}")
            time.sleep(rest)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                again()
            except LostError as error:
                self._report.log(str(error))
            except ServerRefusedError as error:
                if error.code not in _PASSING:
                    raise
            else:
                return

    def _reconnected(self) -> None:
        self._link = self._connect()

    def _attach(self, session: Session) -> None:
        self._reconnected()
        self._attach_from(session)

    def _attach_from(self, session: Session) -> None:
        attributes = {"session": session.sid, "from": str(session.last + 1), "events": self._events}
        self._linked().send(Element("attach", attributes))

    def _linked(self) -> Link:
        if self._link is None:
            raise LostError("there is no connection")
        return self._link


def start_message(call: Call, settings: ClientSettings, account: str, *, events: str) -> Element:
    """Return the start; its request id is new, and makes any repetition of this very message harmless."""
    attributes = {
        "request": _request_id(),
        "wait": "none" if call.timeout is None else str(call.timeout),
        "events": events,
        "on-error": settings.on_error,
        "label": f"{account}@{os_host()}"[:LABEL],
    }
    return Element("start", attributes, tuple(_job(kind, value) for kind, value in call.jobs))


def _job(kind: str, value: str) -> Element:
    if kind == "py-code":
        return with_text(kind, {}, value)
    if kind == "module":
        return Element(kind, {"id": value})
    return Element(kind, {"path": value})


def _request_id() -> str:
    raw = os.urandom(16)
    word = bytes([*raw[:6], raw[6] & 0x0F | 0x40, raw[7], raw[8] & 0x3F | 0x80, *raw[9:]]).hex()
    return "-".join((word[:8], word[8:12], word[12:16], word[16:20], word[20:]))

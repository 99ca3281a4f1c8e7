"""What a session tells, numbered from 1 (spec section 9.4)."""

from typing import Literal

from pilothouse.headless.messages.part import EndState, JobWord, Level, LiveState, Part, Stream


class Info(Part, frozen=True):
    """s: a message of the server or the job."""

    session: str
    ev: int
    t: str
    level: Level
    text: str = ""
    job: int | None = None


class Log(Part, frozen=True):
    """s: one line of output; ``cont`` when the line goes on in the next event."""

    session: str
    ev: int
    t: str
    job: int
    stream: Stream
    text: str = ""
    cont: bool = False


class Progress(Part, frozen=True):
    """s: how far a job is."""

    session: str
    ev: int
    t: str
    job: int
    done: float
    total: float | None = None
    unit: str = ""
    text: str = ""


class JobState(Part, frozen=True):
    """s: a job has changed its state; ``duration`` is in seconds, ``text`` the reason."""

    session: str
    ev: int
    t: str
    job: int
    state: JobWord
    rc: int | None = None
    signal: str | None = None
    duration: float | None = None
    text: str = ""


class Result(Part, frozen=True):
    """s: the value set by a job, as text, as JSON, or as bytes in base64."""

    session: str
    ev: int
    t: str
    job: int
    enc: Literal["text", "json", "b64"]
    truncated: bool = False
    text: str = ""


class SessionStateChange(Part, frozen=True, tag="session-state"):
    """s: a session that has not ended has changed its state."""

    session: str
    ev: int
    t: str
    state: LiveState
    position: int | None = None


class SessionEnd(Part, frozen=True):
    """s: the last event of a session; ``job_count`` to ``skipped`` count jobs, ``duration`` is in seconds."""

    session: str
    ev: int
    t: str
    state: EndState
    job_count: int
    ok: int
    failed: int
    skipped: int
    duration: float
    text: str = ""


Event = Info | Log | Progress | JobState | Result | SessionStateChange | SessionEnd

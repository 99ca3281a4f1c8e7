"""Every message of the headless protocol as a value (spec section 9).

Fields are attributes of the same name with dashes. ``text`` is the element's text, ``scram`` and ``kdf`` are
children of that name, and the field at the end of a message with a list is all its children, in order.
``session`` is a ULID, ``t`` and other times are RFC 3339 UTC; lists of words are texts separated by spaces.
"""

from typing import Annotated, Final, Literal

import msgspec

from pilothouse.headless import limits

TEXT: Final = "#text"
NAME: Final = "#name"
CHILDREN: Final = "#children"

_RENAMED: Final = {
    "text": TEXT,
    "scram": "#scram",
    "kdf": "#kdf",
    "from_": "from",
    "type_": "type",
    "job_count": "jobs",
}
_LISTS: Final = frozenset({"jobs", "params", "statuses"})


def wire_name(field: str) -> str:
    """Return what a field is called on the wire; names with ``#`` are no attributes."""
    return CHILDREN if field in _LISTS else _RENAMED.get(field, field.replace("_", "-"))


def _tag(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("-")


class Part(msgspec.Struct, frozen=True, rename=wire_name, omit_defaults=True, tag=_tag, tag_field=NAME):
    """What an element carries; attributes that nobody knows are ignored."""


AuthType = Literal["osuser", "challenge"]
Purpose = Literal["run", "enrol"]
Events = Literal["end", "all"]
OnError = Literal["stop", "continue"]
Level = Literal["debug", "info", "warn", "error"]
Stream = Literal["stdout", "stderr"]
JobWord = Literal["waiting", "running", "ok", "failed", "skipped", "cancelled"]
LiveState = Literal["queued", "starting", "running", "cancelling"]
EndState = Literal["ok", "failed", "cancelled", "expired", "lost"]
SessionState = Literal[LiveState, EndState]
Mode = Literal["graceful", "force"]

Label = Annotated[str, msgspec.Meta(max_length=limits.LABEL)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Wait = Annotated[str, msgspec.Meta(pattern=r"^(none|-1|[0-9]{1,10})$")]


# opening


class Hello(Part, frozen=True):
    """c: what the client speaks; ``versions`` is a list of words."""

    versions: str
    client: str = ""
    product: str = ""
    platform: str = ""
    locale: str = ""


class Greet(Part, frozen=True):
    """s: the version picked, the service's id, and the ways to log in on this listener."""

    version: str
    service: str
    name: str
    auth: str
    mechs: str
    features: str
    max_frame: int
    time: str


# login


class Kdf(Part, frozen=True):
    """How the secret follows from the password; ``salt`` is the 29-character bcrypt prefix."""

    scheme: str
    salt: str
    prep: str


class Login(Part, frozen=True):
    """c: who wants in, and by which mechanism."""

    type_: AuthType
    mech: str
    user: str = ""
    cred: str = ""
    os_user: str = ""
    os_host: str = ""
    purpose: Purpose = "run"
    scram: str | None = None


class Challenge(Part, frozen=True):
    """s: the server's first SCRAM message."""

    kdf: Kdf
    scram: str


class Response(Part, frozen=True):
    """c: the client's final SCRAM message."""

    scram: str


class Welcome(Part, frozen=True):
    """s: logged in; ``idle`` is in seconds, ``scram`` the server's proof."""

    user: str
    os_account: str
    rights: str = ""
    idle: int = int(limits.IDLE_TIME)
    last_login: str | None = None
    scram: str | None = None


class Refused(Part, frozen=True):
    """s: the login or the start is refused, nothing was done; ``job`` counts from 1, ``retry_after`` is in seconds."""

    code: int
    name: str
    text: str = ""
    retry_after: int | None = None
    job: int | None = None
    holder: str | None = None


# starting


class Param(Part, frozen=True):
    """One input of a module."""

    name: str
    text: Annotated[str, msgspec.Meta(max_length=limits.PARAMETER_VALUE)] = ""


class Module(Part, frozen=True):
    """Open a module, that is a published job definition."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    params: Annotated[tuple[Param, ...], msgspec.Meta(max_length=limits.PARAMETERS)] = ()


class PyFile(Part, frozen=True):
    """Run a Python file of the server."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.FILE_PATH)]


class PyCode(Part, frozen=True):
    """Run a snippet."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.SNIPPET)]


Job = Module | PyFile | PyCode


class Start(Part, frozen=True):
    """c: run these jobs in order; ``request`` makes a repeated start harmless, ``wait`` is none, -1 or seconds."""

    request: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    jobs: Annotated[tuple[Job, ...], msgspec.Meta(min_length=1, max_length=limits.JOBS_PER_START)]
    wait: Wait = "none"
    events: Events = "end"
    on_error: OnError = "stop"
    label: Label = ""


class Accepted(Part, frozen=True):
    """s: the session is recorded; ``replay`` when this request was accepted before, ``joined`` when it was running."""

    session: str
    state: SessionState
    created: str
    job_count: int
    replay: bool = False
    joined: bool = False


# events


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


# control


class Attach(Part, frozen=True):
    """c: send the session's events from ``from_`` on."""

    session: str
    from_: Annotated[int, msgspec.Meta(ge=1)]
    events: Events = "all"


class Attached(Part, frozen=True):
    """s: events follow; ``first`` and ``last`` are those there are."""

    session: str
    state: SessionState
    first: int
    last: int


class Detach(Part, frozen=True):
    """c: send no more events of the session."""

    session: str


class Detached(Part, frozen=True):
    """s: no more events follow."""

    session: str


class Query(Part, frozen=True):
    """c: how does a session stand, by its id or by the request that started it."""

    session: str | None = None
    request: str | None = None


class JobStatus(Part, frozen=True, tag="job"):
    """How one job stands; ``n`` counts from 1, ``kind`` is module, py-file or py-code."""

    n: int
    kind: str
    name: str
    state: JobWord
    rc: int | None = None


class Status(Part, frozen=True):
    """s: how a session stands."""

    session: str
    state: SessionState
    created: str
    last_ev: int
    started: str | None = None
    ended: str | None = None
    user: str = ""
    label: str = ""
    jobs: tuple[JobStatus, ...] = ()


class List(Part, frozen=True):
    """c: sessions, the latest first, those before session ``before``."""

    state: SessionState | None = None
    mine: bool = True
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.SESSIONS_PER_LIST)] = limits.SESSIONS_PER_LIST
    before: str | None = None


class Sessions(Part, frozen=True):
    """s: the answer to list."""

    statuses: tuple[Status, ...] = ()


class Cancel(Part, frozen=True):
    """c: end a session."""

    session: str
    mode: Mode = "graceful"
    reason: Label = ""


class Cancelling(Part, frozen=True):
    """s: the session is being ended; its end comes as session-end."""

    session: str
    state: SessionState


class Ping(Part, frozen=True):
    """c/s: are you there."""

    id: str


class Pong(Part, frozen=True):
    """c/s: yes; ``id`` is the ping's."""

    id: str


class Error(Part, frozen=True):
    """s: something is wrong; after a fatal one the server closes. ``first`` comes with EVENTS_GONE."""

    code: int
    name: str
    fatal: bool = False
    text: str = ""
    first: int | None = None


class Bye(Part, frozen=True):
    """c/s: the peer closes the connection."""

    reason: str = ""


ClientMessage = Hello | Login | Response | Start | Attach | Detach | Query | List | Cancel | Ping | Pong | Bye
ServerMessage = (
    Greet
    | Challenge
    | Welcome
    | Refused
    | Accepted
    | Event
    | Attached
    | Detached
    | Status
    | Sessions
    | Cancelling
    | Ping
    | Pong
    | Error
    | Bye
)
Message = ClientMessage | ServerMessage

"""Looking at sessions, cancelling them, and the connection itself (spec section 9.5)."""

from typing import Annotated

import msgspec

from pilothouse.headless import limits
from pilothouse.headless.messages.part import Events, JobWord, Label, Mode, Part, SessionState


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

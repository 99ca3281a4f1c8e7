"""Every message of the headless protocol as a value (spec section 9).

Fields are attributes of the same name with dashes. ``text`` is the element's text, ``scram`` and ``kdf`` are
children of that name, and the field at the end of a message with a list is all its children, in order.
``session`` is a ULID, ``t`` and other times are RFC 3339 UTC; lists of words are texts separated by spaces.
"""

from pilothouse.headless.messages.control import (
    Attach,
    Attached,
    Bye,
    Cancel,
    Cancelling,
    Detach,
    Detached,
    Error,
    JobStatus,
    List,
    Ping,
    Pong,
    Query,
    Sessions,
    Status,
)
from pilothouse.headless.messages.events import (
    Event,
    Info,
    JobState,
    Log,
    Progress,
    Result,
    SessionEnd,
    SessionStateChange,
)
from pilothouse.headless.messages.login import Challenge, Greet, Hello, Kdf, Login, Refused, Response, Welcome
from pilothouse.headless.messages.part import (
    CHILDREN,
    NAME,
    TEXT,
)
from pilothouse.headless.messages.start import Accepted, Job, Module, Param, PyCode, PyFile, Start

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

__all__ = [
    "CHILDREN",
    "NAME",
    "TEXT",
    "Accepted",
    "Attach",
    "Attached",
    "Bye",
    "Cancel",
    "Cancelling",
    "Challenge",
    "ClientMessage",
    "Detach",
    "Detached",
    "Error",
    "Event",
    "Greet",
    "Hello",
    "Info",
    "Job",
    "JobState",
    "JobStatus",
    "Kdf",
    "List",
    "Log",
    "Login",
    "Message",
    "Module",
    "Param",
    "Ping",
    "Pong",
    "Progress",
    "PyCode",
    "PyFile",
    "Query",
    "Refused",
    "Response",
    "Result",
    "ServerMessage",
    "SessionEnd",
    "SessionStateChange",
    "Sessions",
    "Start",
    "Status",
    "Welcome",
]

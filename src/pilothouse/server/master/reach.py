"""How far a caller sees: everywhere, in one project, or itself alone; decided by `pilothouse.identity.permissions`."""

from typing import Final

import msgspec
from sqlalchemy import Connection

from pilothouse.identity.caller import Caller
from pilothouse.identity.permissions import Action, Subject, may, unconfined
from pilothouse.server.master.errors import ForbiddenError
from pilothouse.store import audit

_SITE: Final = Subject()


def projects(caller: Caller) -> dict[str, str]:
    """Return the condition that lists of nodes and instances have for this caller: none, or its project."""
    return {} if unconfined(caller) else {"project": caller.project}


def demand(connection: Connection, caller: Caller, action: Action, subject: Subject = _SITE, what: str = "") -> None:
    """Let go on who may do this. Raises ForbiddenError, and the audit log keeps it."""
    if may(caller, action, subject):
        return
    name = what or subject.computer or subject.instance or f"project {subject.project!r}"
    audit.refuse(connection, caller, action, name, "")
    raise ForbiddenError(f"{caller.kind} {caller.name} may not {action} {name}".replace("  ", " "))


def reads_lists(connection: Connection, caller: Caller, what: str) -> None:
    """Let go on who may look at what his project has. Raises ForbiddenError."""
    demand(connection, caller, "read", Subject(project=caller.project), what)


def acting(caller: Caller, project: str) -> Caller:
    """Return an administrator of the whole site as one of this project; anybody else as he is."""
    inside = caller.kind == "user" and unconfined(caller) and project != caller.project
    return msgspec.structs.replace(caller, project=project) if inside else caller

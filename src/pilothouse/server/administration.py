"""Users, their tokens, and what else an administrator does; each change has its entry in the audit log."""

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from pilothouse.errors import RefusedError, UsageError
from pilothouse.identity import tokens
from pilothouse.identity.caller import Caller, Role
from pilothouse.identity.tokens import Token, TokenKind
from pilothouse.jobs.secret import Secret
from pilothouse.store import accounts, audit, credentials
from pilothouse.store.accounts import User

ADMINISTRATOR: Final = "admin"
_NAME: Final = re.compile(r"[^\s/:\x00-\x1f]{1,64}")


class UnknownUserError(UsageError):
    """There is no user of this name who may log in."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no user {name}; see: pilothouse user list")


def first_administrator(connection: Connection, caller: Caller, now: float) -> Secret | None:
    """Make the first administrator and return its token; None when there are users already."""
    accounts.alone(connection)
    if accounts.listed(connection):
        return None
    add_user(connection, caller, ADMINISTRATOR, "", ["admin"], "", now)
    return new_token(connection, caller, ADMINISTRATOR, "access", "", "first administrator", None, now)


def add_user(
    connection: Connection, caller: Caller, name: str, email: str, roles: Iterable[Role], project: str, now: float
) -> User:
    """Make a user, or give one more roles. Raises UsageError for a name that cannot be used."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"user {name!r}: give a name of 1 to 64 characters without blanks, slashes and colons")
    user = accounts.add(connection, name, email, now)
    accounts.grant(connection, user, project, roles, now)
    detail = {"project": project, "roles": sorted(roles)}
    audit.append(connection, caller, "user.add", f"user:{name}", detail, now)
    return known_user(connection, name)


def remove_user(connection: Connection, caller: Caller, name: str, now: float) -> None:
    """Keep a user from logging in, and revoke all its tokens and certificates. Raises UnknownUserError."""
    user = known_user(connection, name)
    others = [each for each in accounts.listed(connection) if each.disabled is None and each.name != name]
    if "admin" in user.roles.get("", ()) and not any("admin" in each.roles.get("", ()) for each in others):
        raise RefusedError(f"user {name} is the last administrator; make another first: pilothouse user add NAME")
    accounts.disable(connection, user, now)
    revoked = credentials.revoke_tokens(connection, user.user_id, now)
    certificates = credentials.revoke_certificates(connection, "user", name, now)
    detail = {"tokens": revoked, "certificates": certificates}
    audit.append(connection, caller, "user.remove", f"user:{name}", detail, now)


def new_token(
    connection: Connection,
    caller: Caller,
    name: str,
    kind: TokenKind,
    project: str,
    subject: str,
    days: float | None,
    now: float,
) -> Secret:
    """Return a new token of a user, who must have a role in the project. Raises UsageError."""
    user = known_user(connection, name)
    if not user.roles.get(project):
        raise UsageError(f"user {name} has no role in project {project!r}; see: pilothouse user list")
    made = tokens.make(kind)
    token = Token(
        kind=kind,
        user=name,
        digest=tokens.digest(made.reveal()),
        created=now,
        project=project,
        subject=subject,
        expires=tokens.expiry(kind, now, days),
    )
    credentials.add_token(connection, token, user.user_id, f"{caller.kind}:{caller.name}")
    detail = {"kind": kind, "project": project, "for": subject, "expires": token.expires}
    audit.append(connection, caller, "token.make", f"user:{name}", detail, now)
    return made


def revoke_token(connection: Connection, caller: Caller, token_id: int, now: float) -> None:
    """Revoke one token. Raises UsageError when there is none to revoke."""
    if not credentials.revoke_token(connection, token_id, now):
        raise UsageError(f"token {token_id} is unknown or revoked already; see: pilothouse user tokens NAME")
    audit.append(connection, caller, "token.revoke", f"token:{token_id}", "", now)


def known_user(connection: Connection, name: str) -> User:
    """Return a user who may log in. Raises UnknownUserError."""
    user = accounts.find(connection, name)
    if user is None or user.disabled is not None:
        raise UnknownUserError(name)
    return user

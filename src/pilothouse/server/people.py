"""Users, tokens, projects, certificates and the audit log, for whoever may look at them or change them."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from pilothouse.errors import UsageError
from pilothouse.identity.caller import Caller, Role
from pilothouse.identity.tokens import Token, TokenKind
from pilothouse.jobs.secret import Secret
from pilothouse.server import administration
from pilothouse.server.master import reach
from pilothouse.server.master.errors import InvalidRequestError, NotFoundError
from pilothouse.store import account_pages, accounts, audit, credentials, history_pages
from pilothouse.store.account_pages import Certificate, Project
from pilothouse.store.accounts import User
from pilothouse.store.history import Record
from pilothouse.store.pages import Page

Key = tuple[object, ...] | None
_PROJECT: Final = re.compile(r"[\w.-]{1,64}")


def users(connection: Connection, caller: Caller, count: int, after: Key) -> Page[User]:
    """Return users by name. Raises ForbiddenError."""
    reach.demand(connection, caller, "administer", what="users")
    names = account_pages.NAMES.page(connection, count, after)
    return Page(tuple(user for name in names.items if (user := accounts.find(connection, name))), names.after)


def user(connection: Connection, caller: Caller, name: str) -> User:
    """Return one user; everybody may look at himself. Raises ForbiddenError, NotFoundError."""
    if not _is(caller, name):
        reach.demand(connection, caller, "administer", what=f"user {name}")
    found = accounts.find(connection, name)
    if found is None:
        raise NotFoundError(f"There is no user {name}.")
    return found


def add_user(
    connection: Connection, caller: Caller, name: str, email: str, roles: Sequence[Role], project: str, now: float
) -> User:
    """Make a user, or give one more roles. Raises ForbiddenError, InvalidRequestError."""
    reach.demand(connection, caller, "administer", what=f"user {name}")
    try:
        return administration.add_user(connection, caller, name, email, roles, project, now)
    except UsageError as error:
        raise InvalidRequestError(str(error)) from error


def remove_user(connection: Connection, caller: Caller, name: str, now: float) -> None:
    """Keep a user from logging in. Raises ForbiddenError, NotFoundError; RefusedError for the last administrator."""
    reach.demand(connection, caller, "administer", what=f"user {name}")
    try:
        administration.remove_user(connection, caller, name, now)
    except UsageError as error:
        raise NotFoundError(str(error)) from error


def tokens(connection: Connection, caller: Caller, name: str) -> list[Token]:
    """Return the tokens of a user, without their texts. Raises ForbiddenError, NotFoundError."""
    return credentials.tokens_of(connection, user(connection, caller, name).name)


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
    """Return a new token of a user; everybody may make his own in the project that he acts in.

    Raises ForbiddenError, InvalidRequestError.
    """
    if not (_is(caller, name) and project == caller.project):
        reach.demand(connection, caller, "administer", what=f"tokens of {name}")
    try:
        return administration.new_token(connection, caller, name, kind, project, subject, days, now)
    except UsageError as error:
        raise InvalidRequestError(str(error)) from error


def revoke_token(connection: Connection, caller: Caller, token_id: int, now: float) -> None:
    """Revoke a token; everybody may revoke his own. Raises ForbiddenError, NotFoundError."""
    found = account_pages.token_of(connection, token_id)
    if found is None or not _is(caller, found[0]):
        reach.demand(connection, caller, "administer", what=f"token {token_id}")
    try:
        administration.revoke_token(connection, caller, token_id, now)
    except UsageError as error:
        raise NotFoundError(str(error)) from error


def projects(connection: Connection, caller: Caller, count: int, after: Key) -> Page[Project]:
    """Return projects by name; who is confined to one sees that. Raises ForbiddenError."""
    reach.reads_lists(connection, caller, "projects")
    own = reach.projects(caller).get("project")
    return account_pages.PROJECTS.page(connection, count, after, None if own is None else (lambda row: row.name == own))


def add_project(connection: Connection, caller: Caller, name: str, title: str, now: float) -> Project:
    """Make a project. Raises ForbiddenError, InvalidRequestError."""
    reach.demand(connection, caller, "administer", what="projects")
    if not _PROJECT.fullmatch(name):
        raise InvalidRequestError(f"project {name[:80]!r}: give 1 to 64 letters, digits, dots, dashes or underscores")
    made = Project(name, title, now)
    if not account_pages.add_project(connection, made):
        raise InvalidRequestError(f"there is a project {name} already")
    audit.append(connection, caller, "project.add", f"project:{name}", {"title": title}, now)
    return made


def certificates(
    connection: Connection, caller: Caller, count: int, after: Key, kind: str = "", name: str = ""
) -> Page[Certificate]:
    """Return certificates by serial number, or those of one holder. Raises ForbiddenError."""
    reach.demand(connection, caller, "administer", what="certificates")
    if kind and name:
        return Page(account_pages.certificates_of(connection, kind, name), None)
    return account_pages.CERTIFICATES.page(connection, count, after)


def revoke_certificate(connection: Connection, caller: Caller, serial: str, now: float) -> None:
    """Let a certificate count no longer. Raises ForbiddenError, NotFoundError when it does not count."""
    found = account_pages.certificate(connection, serial)
    own = found is not None and found.kind == "user" and _is(caller, found.name)
    if not own:
        reach.demand(connection, caller, "administer", what=f"certificate {serial}")
    if found is None or not account_pages.revoke(connection, serial, now):
        raise NotFoundError(f"There is no certificate {serial} that counts.")
    audit.append(connection, caller, "certificate.revoke", f"{found.kind}:{found.name}", {"serial": serial}, now)


def entries(
    connection: Connection, caller: Caller, count: int, after: Key, subject: str = "", who: str = ""
) -> Page[Record]:
    """Return the audit log, the newest first; of one subject, or of one caller ``kind:name``. Raises ForbiddenError."""
    reach.demand(connection, caller, "administer", what="the audit log")
    if who:
        kind, _, name = who.partition(":")
        keep = (lambda row: row.subject == subject) if subject else None
        return history_pages.AUDIT_OF.page(connection, count, after, keep, caller_kind=kind, caller=name)
    return history_pages.AUDIT.page(connection, count, after, None, **({"subject": subject} if subject else {}))


def verify(connection: Connection, caller: Caller) -> tuple[int, str]:
    """Return how many rows the audit log has, all sound, and the last hash. Raises ForbiddenError, BrokenChainError."""
    reach.demand(connection, caller, "administer", what="the audit log")
    return audit.verify(connection), audit.last_hash(connection)


def _is(caller: Caller, name: str) -> bool:
    return caller.kind == "user" and caller.name == name and bool(name)

"""Users, and the roles they have in projects; the project '' holds what was given to no other."""

from collections.abc import Iterable
from typing import cast

import msgspec
from sqlalchemy import Connection, func, select, update

from pilothouse.identity.caller import Role
from pilothouse.store.schema import memberships, projects, users
from pilothouse.store.statement import Row, Statement, given, insertion


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may log in; ``disabled`` is since when it may not. ``roles`` are by project."""

    user_id: int
    name: str
    email: str
    created: float
    disabled: float | None
    roles: dict[str, frozenset[Role]]


_USER = select(users.c.id, users.c.name, users.c.email, users.c.created, users.c.disabled_at)
_ALL = Statement(_USER.order_by(users.c.name))
_BY_NAME = Statement(_USER.where(users.c.name == given(users.c.name)))
_ROLES = Statement(select(memberships.c.user_id, memberships.c.project, memberships.c.role))
_ROLES_OF = Statement(
    select(memberships.c.user_id, memberships.c.project, memberships.c.role).where(
        memberships.c.user_id == given(memberships.c.user_id, "user")
    )
)
_ALONE = Statement(select(func.pg_advisory_xact_lock(0x6669727374)))
_ADD = Statement(insertion(users, "name", "email", "created"))
_ENABLE = Statement(
    update(users).where(users.c.id == given(users.c.id, "user")).values(disabled_at=given(users.c.disabled_at, "at"))
)
_PROJECT = Statement(select(projects.c.name).where(projects.c.name == given(projects.c.name)))
_ADD_PROJECT = Statement(insertion(projects, "name", "created"))
_GRANT = Statement(insertion(memberships, "user_id", "project", "role"))


def listed(connection: Connection) -> list[User]:
    """Return all users by name."""
    roles = _by_user(_ROLES.rows(connection))
    return [_user(row, roles) for row in _ALL.rows(connection)]


def find(connection: Connection, name: str) -> User | None:
    """Return a user, also one who may not log in."""
    row = _BY_NAME.first(connection, name=name)
    return None if row is None else _user(row, _by_user(_ROLES_OF.rows(connection, user=row[0])))


def alone(connection: Connection) -> None:
    """Let no other server make its first user until this transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        _ALONE.run(connection)


def add(connection: Connection, name: str, email: str, now: float) -> User:
    """Make a user without a role, or let one who was removed log in again."""
    found = find(connection, name)
    if found is None:
        _ADD.run(connection, name=name, email=email, created=now)
    elif found.disabled is not None:
        _ENABLE.run(connection, user=found.user_id, at=None)
    return cast("User", find(connection, name))


def disable(connection: Connection, user: User, now: float) -> None:
    """Keep a user from logging in; its name stays taken, because things it owns go by it."""
    _ENABLE.run(connection, user=user.user_id, at=now)


def grant(connection: Connection, user: User, project: str, roles: Iterable[Role], now: float) -> None:
    """Give a user roles in a project, which is made when there is none of the name."""
    if _PROJECT.first(connection, name=project) is None:
        _ADD_PROJECT.run(connection, name=project, created=now)
    for role in frozenset(roles) - user.roles.get(project, frozenset()):
        _GRANT.run(connection, user_id=user.user_id, project=project, role=role)


def _user(row: Row, roles: dict[int, dict[str, frozenset[Role]]]) -> User:
    user_id, name, email, created, disabled = row
    return User(
        user_id=user_id, name=name, email=email, created=created, disabled=disabled, roles=roles.get(user_id, {})
    )


def _by_user(rows: Iterable[Row]) -> dict[int, dict[str, frozenset[Role]]]:
    found: dict[int, dict[str, frozenset[Role]]] = {}
    for user, project, role in rows:
        held = found.setdefault(user, {})
        held[project] = held.get(project, frozenset()) | {cast("Role", role)}
    return found

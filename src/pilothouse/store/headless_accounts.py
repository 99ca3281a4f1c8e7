"""Users of headless batches, what proves them, and which OS logins may act for them (headless 11, 12)."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from pilothouse.store.headless_schema import headless_credentials, headless_os_logins, headless_users
from pilothouse.store.statement import Row, Statement, given, insertion


class HeadlessUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may start batches; ``limits`` narrow the server's."""

    name: str
    os_account: str
    rights: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    valid_from: float | None = None
    valid_to: float | None = None
    created: float = 0.0
    last_login: float | None = None


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of a secret; it cannot be used to log in."""

    owner: str
    name: str
    kdf_salt: str
    prep: str
    scram_salt: str
    iterations: int
    stored_key: str
    server_key: str
    created: float
    expires: float | None = None
    allow_from: tuple[str, ...] = ()


class OsLogin(msgspec.Struct, frozen=True):
    """An OS login that may act for a user."""

    os_user: str
    host: str
    user: str
    is_default: bool


_U, _C, _L = headless_users.c, headless_credentials.c, headless_os_logins.c
_USER = select(*(headless_users.c[name] for name in HeadlessUser.__struct_fields__))
_USERS = Statement(_USER.order_by(_U.name))
_USER_NAMED = Statement(_USER.where(_U.name == given(_U.name)))
_PUT_USER = ("os_account", "rights", "groups", "limits", "valid_from", "valid_to")
_ADD_USER = Statement(insertion(headless_users, "name", "created", *_PUT_USER))
_CHANGE_USER = Statement(
    update(headless_users)
    .where(_U.name == given(_U.name, "key"))
    .values({name: given(_U[name], f"new_{name}") for name in _PUT_USER})
)
_REMOVE_USER = Statement(delete(headless_users).where(_U.name == given(_U.name)))
_LOGGED_IN = Statement(
    update(headless_users).where(_U.name == given(_U.name, "key")).values(last_login=given(_U.last_login, "at"))
)
_CREDENTIAL = select(*(headless_credentials.c[name] for name in Credential.__struct_fields__))
_CREDENTIALS = Statement(_CREDENTIAL.order_by(_C.owner, _C.name))
_FIND = Statement(_CREDENTIAL.where(_C.owner == given(_C.owner), _C.name == given(_C.name)))
_ADD = Statement(insertion(headless_credentials, *Credential.__struct_fields__))
_REMOVE = Statement(delete(headless_credentials).where(_C.owner == given(_C.owner), _C.name == given(_C.name)))
_REMOVE_ALL = Statement(delete(headless_credentials).where(_C.owner == given(_C.owner)))
_LOGIN = select(_L.os_user, _L.host, _L.user_name, _L.is_default)
_LOGINS = Statement(_LOGIN.order_by(_L.os_user, _L.host, _L.user_name))
_LOGINS_OF = Statement(_LOGIN.where(_L.os_user == given(_L.os_user), _L.host == given(_L.host)))
_ADD_LOGIN = Statement(insertion(headless_os_logins, "os_user", "host", "user_name", "is_default"))
_REMOVE_LOGIN = Statement(
    delete(headless_os_logins).where(
        _L.os_user == given(_L.os_user), _L.host == given(_L.host), _L.user_name == given(_L.user_name)
    )
)
_REMOVE_LOGINS = Statement(delete(headless_os_logins).where(_L.user_name == given(_L.user_name)))


def users(connection: Connection) -> list[HeadlessUser]:
    """Return all users by name."""
    return [_user(row) for row in _USERS.rows(connection)]


def find_user(connection: Connection, name: str) -> HeadlessUser | None:
    """Return a user."""
    row = _USER_NAMED.first(connection, name=name)
    return None if row is None else _user(row)


def put_user(connection: Connection, user: HeadlessUser) -> None:
    """Make a user, or change the one of this name."""
    values: dict[str, Any] = {
        "os_account": user.os_account,
        "rights": _json(user.rights),
        "groups": _json(user.groups),
        "limits": _json(user.limits),
        "valid_from": user.valid_from,
        "valid_to": user.valid_to,
    }
    if find_user(connection, user.name) is None:
        _ADD_USER.run(connection, name=user.name, created=user.created, **values)
    else:
        _CHANGE_USER.run(connection, key=user.name, **{f"new_{name}": value for name, value in values.items()})


def remove_user(connection: Connection, name: str) -> bool:
    """Remove a user with its credentials and mappings; returns whether there was one."""
    _REMOVE_ALL.run(connection, owner=name)
    _REMOVE_LOGINS.run(connection, user_name=name)
    return _REMOVE_USER.run(connection, name=name) > 0


def logged_in(connection: Connection, name: str, now: float) -> None:
    """Take note of a login."""
    _LOGGED_IN.run(connection, key=name, at=now)


def credentials(connection: Connection) -> list[Credential]:
    """Return all credentials by owner and name."""
    return [_credential(row) for row in _CREDENTIALS.rows(connection)]


def find_credential(connection: Connection, owner: str, name: str) -> Credential | None:
    """Return one credential."""
    row = _FIND.first(connection, owner=owner, name=name)
    return None if row is None else _credential(row)


def put_credential(connection: Connection, credential: Credential) -> None:
    """Make a credential, in place of the one of this owner and name."""
    remove_credential(connection, credential.owner, credential.name)
    _ADD.run(connection, **{**msgspec.structs.asdict(credential), "allow_from": _json(credential.allow_from)})


def remove_credential(connection: Connection, owner: str, name: str) -> bool:
    """Remove a credential; returns whether there was one."""
    return _REMOVE.run(connection, owner=owner, name=name) > 0


def os_logins(connection: Connection) -> list[OsLogin]:
    """Return all mappings."""
    return [OsLogin(row[0], row[1], row[2], bool(row[3])) for row in _LOGINS.rows(connection)]


def os_logins_of(connection: Connection, os_user: str, hosts: Sequence[str]) -> list[OsLogin]:
    """Return the mappings of an OS login under any of the names of its host."""
    rows = [row for host in hosts for row in _LOGINS_OF.rows(connection, os_user=os_user, host=host)]
    return [OsLogin(row[0], row[1], row[2], bool(row[3])) for row in rows]


def put_os_login(connection: Connection, login: OsLogin) -> None:
    """Map an OS login to a user."""
    remove_os_login(connection, login)
    _ADD_LOGIN.run(
        connection, os_user=login.os_user, host=login.host, user_name=login.user, is_default=login.is_default
    )


def remove_os_login(connection: Connection, login: OsLogin) -> bool:
    """Remove a mapping; returns whether there was one."""
    return _REMOVE_LOGIN.run(connection, os_user=login.os_user, host=login.host, user_name=login.user) > 0


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _user(row: Row) -> HeadlessUser:
    fields = dict(zip(HeadlessUser.__struct_fields__, row, strict=True))
    for name in ("rights", "groups"):
        fields[name] = tuple(msgspec.json.decode(fields[name]))
    fields["limits"] = msgspec.json.decode(fields["limits"])
    return HeadlessUser(**fields)


def _credential(row: Row) -> Credential:
    fields = dict(zip(Credential.__struct_fields__, row, strict=True))
    fields["allow_from"] = tuple(msgspec.json.decode(fields["allow_from"]))
    return Credential(**fields)

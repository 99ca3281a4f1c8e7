"""Which SQL files run against which databases: what the engine was told, or every database node of the job."""

import json
import os
import shlex
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.tools import program
from pilothouse.tools.sql.accounts import Account, Accounts
from pilothouse.tools.sql.databases import Database, database_name, kind_of
from pilothouse.tools.sql.ordering import in_order

_PASSWORDS: Final = frozenset({"password", "passwd"})


class Task(msgspec.Struct, frozen=True):
    """One file for one database; ``key`` names the database's files: ``<host>-<port>-<resourceId>``."""

    file: str
    key: str
    database: Database
    resource_id: int = 0


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """A member of ``_SQL_FILES``, or of the control server's list (spec section 6.8)."""

    sql_file: str
    resource_id: int = 0
    node_name: str = ""
    node_type: str = ""
    host: str = ""
    port: int | None = None
    access_endpoint: str = ""
    service_addr: str = ""
    username: str = ""


def tasks(
    files: Sequence[str], driver_arguments: str, accounts: Accounts, listed: Callable[[], Any] | None = None
) -> tuple[Task, ...]:
    """Return the work in its order. Raises UsageError saying what is missing.

    ``listed`` asks the control server what there is to run, when nobody else says it.
    """
    extra = read_arguments(driver_arguments)
    nodes = program.job_nodes()
    if given := os.environ.get("_SQL_FILES"):
        items = _items("_SQL_FILES", _json(given))
    elif not files and listed is not None:
        items = _items("the control server's list of SQL files", listed() or [])
        if not items:
            return ()
    else:
        items = database_items(files)
        if files and not items:
            raise UsageError(
                "there is no database to run SQL in: no node of the job has the nodeType PostgreSQL, MySQL or SQLite, "
                "and _SQL_FILES (--sqlfiles) is not given"
            )
    if not items:
        raise UsageError("there is no SQL to run; give --sqlfilejson or --sql, or start the job with --sqlfiles")
    known = {node.resource_id: node for node in nodes}
    found = [_task(item, known.get(item.resource_id), extra, accounts) for item in items]
    order = {task.key: place for place, task in reversed(list(enumerate(found)))}
    ranks = {name: place for place, name in enumerate(in_order({task.file for task in found}))}
    return tuple(sorted(found, key=lambda task: (order[task.key], ranks[task.file])))


def read_arguments(text: str) -> dict[str, str]:
    """Return the driver's further arguments in ``name=value name=value``. Raises UsageError."""
    found = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--dbargs: {word!r}; allowed: name=value, separated by blanks")
        if name in _PASSWORDS:
            raise UsageError(f"--dbargs: {name} would be seen by everybody here; use --password-file or --password-env")
        found[name] = value
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"_SQL_FILES: {error}") from None


def _items(source: str, found: Any) -> list[Item]:
    plain = [_said(item) for item in found] if isinstance(found, list) else found
    try:
        return msgspec.convert(plain, list[Item], strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{source}: {error}") from None


def _said(item: Any) -> Any:
    """Leave out what a member does not say: servers write null or nothing for that."""
    return {k: v for k, v in item.items() if v is not None and v != ""} if isinstance(item, dict) else item


def database_items(files: Sequence[str]) -> list[Item]:
    """Return each of the files for each database among the nodes of the job."""
    return [_item(node, file) for node in program.job_nodes() if kind_of(node.type) for file in files]


def _item(node: Node, file: str) -> Item:
    return Item(
        sql_file=file,
        resource_id=node.resource_id,
        node_name=node.name,
        node_type=node.type,
        host=node.host,
        port=node.port,
        access_endpoint=str(node.attributes.get("accessEndpoint") or ""),
        username=node.username,
    )


def _task(item: Item, node: Node | None, extra: dict[str, str], accounts: Accounts) -> Task:
    kind = kind_of(item.node_type or (node.type if node else ""))
    if kind is None:
        raise UsageError(
            f"{item.sql_file}: the nodeType is {item.node_type!r}; allowed: PostgreSQL, MySQL, MariaDB, SQLite"
        )
    known = str(node.attributes.get("accessEndpoint") or "") if node else ""
    endpoint = item.access_endpoint or item.service_addr or known
    name, user = database_name(kind, endpoint, item.sql_file)
    given = {} if kind == "sqlite" else extra
    user = item.username or (node.username if node else "") or user
    account = Account(item.resource_id, item.host, item.port, user)
    database = Database(
        kind=kind,
        host=item.host,
        port=item.port,
        name=extra.get("dbname") or name or (item.node_name if kind == "sqlite" else ""),
        user=user,
        password=Secret() if kind == "sqlite" else accounts.password(account, node),
        extra={word: value for word, value in given.items() if word != "dbname"},
    )
    key = node.key if node else f"{item.host}-{'' if item.port is None else item.port}-{item.resource_id}"
    return Task(item.sql_file, key, database, item.resource_id)

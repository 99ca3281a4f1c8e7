"""Which SQL files run against which databases: what the engine was told, or every database node of the job."""

import json
import os
import shlex
from collections.abc import Sequence

import msgspec

from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.tools import program
from pilothouse.tools.sql.databases import Database, database_name, kind_of
from pilothouse.tools.sql.ordering import in_order


class Task(msgspec.Struct, frozen=True):
    """One file for one database; ``key`` names the database's files: ``<host>-<port>-<resourceId>``."""

    file: str
    key: str
    database: Database


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    """A member of ``_SQL_FILES`` (spec section 6.8)."""

    sql_file: str
    resource_id: int = 0
    node_name: str = ""
    node_type: str = ""
    host: str = ""
    port: int | None = None
    access_endpoint: str = ""
    username: str = ""


def tasks(files: Sequence[str], driver_arguments: str) -> tuple[Task, ...]:
    """Return the work in its order. Raises UsageError saying what is missing."""
    extra = read_arguments(driver_arguments)
    nodes = program.job_nodes()
    if given := os.environ.get("_SQL_FILES"):
        items = _items(given)
    else:
        items = [_item(node, file) for node in nodes if kind_of(node.type) for file in files]
        if files and not items:
            raise UsageError(
                "there is no database to run SQL in: no node of the job has the nodeType PostgreSQL, MySQL or SQLite, "
                "and _SQL_FILES (--sqlfiles) is not given"
            )
    if not items:
        raise UsageError("there is no SQL to run; give --sqlfilejson or --sql, or start the job with --sqlfiles")
    known = {node.resource_id: node for node in nodes}
    found = [_task(item, known.get(item.resource_id), extra) for item in items]
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
        found[name] = value
    return found


def _items(text: str) -> list[_Item]:
    try:
        return msgspec.convert(json.loads(text), list[_Item], strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(f"_SQL_FILES: {error}") from None


def _item(node: Node, file: str) -> _Item:
    return _Item(
        sql_file=file,
        resource_id=node.resource_id,
        node_name=node.name,
        node_type=node.type,
        host=node.host,
        port=node.port,
        access_endpoint=str(node.attributes.get("accessEndpoint") or ""),
        username=node.username,
    )


def _task(item: _Item, node: Node | None, extra: dict[str, str]) -> Task:
    kind = kind_of(item.node_type or (node.type if node else ""))
    if kind is None:
        raise UsageError(
            f"{item.sql_file}: the nodeType is {item.node_type!r}; allowed: PostgreSQL, MySQL, MariaDB, SQLite"
        )
    endpoint = item.access_endpoint or str(node.attributes.get("accessEndpoint") or "" if node else "")
    name, user = database_name(kind, endpoint, item.sql_file)
    given = {} if kind == "sqlite" else extra
    database = Database(
        kind=kind,
        host=item.host,
        port=item.port,
        name=extra.get("dbname") or name or (item.node_name if kind == "sqlite" else ""),
        user=item.username or (node.username if node else "") or user,
        password=program.opened(node).password if node else Database(kind=kind).password,
        extra={word: value for word, value in given.items() if word != "dbname"},
    )
    key = node.key if node else f"{item.host}-{'' if item.port is None else item.port}-{item.resource_id}"
    return Task(item.sql_file, key, database)

"""Where SQL goes: what a node is as a database, and sessions of each kind. Drivers are loaded when used."""

import importlib
import re
import sqlite3
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from pilothouse.jobs.secret import Secret
from pilothouse.tools.program import ToolError
from pilothouse.tools.sql.splitting import Dialect

_KINDS: Final[dict[str, Dialect]] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
}
_CONNECT_SECONDS: Final = 30
_SHOWN_ROWS: Final = 1000
_SAVEPOINT: Final = "pilothouse_statement"
_BEGINS: Final = re.compile(r"(?:begin|start\s+transaction)\b", re.IGNORECASE)
_TRANSACTION: Final = re.compile(r"(?:begin|start|commit|end|rollback|abort|savepoint|release)\b", re.IGNORECASE)
_ENDPOINT: Final = re.compile(r"(?:jdbc:)?(?:[\w+.-]+://)?[^/]*(?:/(?P<database>[^?;]*))?.*", re.DOTALL)


class SqlError(ToolError):
    """The database refused a statement."""


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """One database; ``extra`` are further arguments for its driver."""

    kind: Dialect
    host: str = ""
    port: int | None = None
    name: str = ""
    user: str = ""
    password: Secret = Secret()
    extra: dict[str, str] = {}

    @property
    def address(self) -> str:
        """The database as logs name it; never with the password."""
        if self.kind == "sqlite":
            return f"sqlite {self.name}"
        where = self.host if self.port is None else f"{self.host}:{self.port}"
        return f"{self.kind} {self.user}@{where}/{self.name}"


class Result(msgspec.Struct, frozen=True):
    """What a statement brought: changed rows (-1: does not apply), or columns and the first rows."""

    changed: int = -1
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    notices: tuple[str, ...] = ()


class Session(Protocol):
    """An open connection; without autocommit, one transaction that a failed statement does not spoil."""

    def run(self, statement: str) -> Result:
        """Run one statement. Raises SqlError."""
        ...

    def commit(self) -> None:
        """Keep what was done. Raises SqlError."""
        ...

    def rollback(self) -> None:
        """Undo what can be undone. Raises SqlError."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


def kind_of(node_type: str) -> Dialect | None:
    """Return the kind of database that a node type names; None for other nodes."""
    return _KINDS.get(node_type.strip().lower())


def database_name(kind: Dialect, endpoint: str, sql_file: str) -> tuple[str, str]:
    """Return a database's name, and the user if the file says one.

    The access endpoint has it (``host:port/name``, a web-like address, a path for SQLite), else the first
    folder of the file: ``name.user/1.sql``.
    """
    if kind == "sqlite" and endpoint:
        return urlsplit(endpoint).path if "://" in endpoint else endpoint, ""
    match = _ENDPOINT.fullmatch(endpoint)
    if match and match["database"]:
        return match["database"], ""
    folder, slash, _ = sql_file.partition("/")
    name, _, user = folder.partition(".")
    return (name, user) if slash else ("", "")


def connect(database: Database, *, autocommit: bool) -> Session:
    """Open a session. Raises SqlError when the database cannot be reached, ToolError when the driver is missing."""
    return _OPENERS[database.kind](database, autocommit)


class _Sqlite:
    def __init__(self, database: Database, autocommit: bool) -> None:
        if not database.name:
            raise ToolError("an SQLite database needs its path: as accessEndpoint of the node, or --dbargs dbname=PATH")
        try:
            self._connection = sqlite3.connect(database.name, timeout=_CONNECT_SECONDS, isolation_level=None)
            self._autocommit = autocommit
            self._begin()
        except sqlite3.Error as error:
            raise SqlError(f"{database.address}: {error}") from None

    def run(self, statement: str) -> Result:
        begins = bool(_BEGINS.match(statement))
        try:
            if not self._autocommit and begins and self._connection.in_transaction:
                return Result()
            if not begins and not self._connection.in_transaction:
                # the file has ended the transaction itself
                self._begin()
            cursor = self._connection.execute(statement)
            return _result(cursor)
        except (sqlite3.Error, ValueError) as error:
            raise SqlError(str(error)) from None

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def _begin(self) -> None:
        if not self._autocommit:
            self._connection.execute("BEGIN")

    def _end(self, word: str) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute(word)
        except sqlite3.Error as error:
            raise SqlError(str(error)) from None


class _Served:
    """A session with a database server; all drivers end it alike."""

    _driver: Any
    _connection: Any

    def commit(self) -> None:
        self._end(self._connection.commit)

    def rollback(self) -> None:
        self._end(self._connection.rollback)

    def close(self) -> None:
        self._connection.close()

    def _end(self, work: Callable[[], None]) -> None:
        try:
            work()
        except self._driver.Error as error:
            raise SqlError(_one_line(error)) from None


class _Postgresql(_Served):
    def __init__(self, database: Database, autocommit: bool) -> None:
        self._driver = _driver("psycopg", "PostgreSQL")
        self._autocommit = autocommit
        self._notices: list[str] = []
        given = {"host": database.host, "port": database.port, "dbname": database.name, "user": database.user}
        arguments = {name: value for name, value in given.items() if value}
        if database.password:
            arguments["password"] = database.password.reveal()
        try:
            self._connection = self._driver.connect(
                **{"connect_timeout": _CONNECT_SECONDS, "client_encoding": "UTF8", **arguments, **database.extra},
                autocommit=autocommit,
            )
        except self._driver.Error as error:
            raise SqlError(f"{database.address}: {_one_line(error)}") from None
        self._connection.add_notice_handler(self._noticed)

    def run(self, statement: str) -> Result:
        self._notices.clear()
        try:
            with self._connection.cursor() as cursor:
                if self._autocommit or _TRANSACTION.match(statement):
                    cursor.execute(statement)
                    return self._told(cursor)
                cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
                try:
                    cursor.execute(statement)
                    found = self._told(cursor)
                except self._driver.Error:
                    cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
                    raise
                cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
                return found
        except self._driver.Error as error:
            raise SqlError(_one_line(error)) from None

    def _noticed(self, diagnostic: Any) -> None:
        self._notices.append(f"{diagnostic.severity}: {diagnostic.message_primary}")

    def _told(self, cursor: Any) -> Result:
        return msgspec.structs.replace(_result(cursor), notices=tuple(self._notices))


class _Mysql(_Served):
    def __init__(self, database: Database, autocommit: bool) -> None:
        self._driver = _driver("pymysql", "MySQL")
        given = {"host": database.host, "port": database.port, "database": database.name, "user": database.user}
        extra = {"database" if name == "dbname" else name: value for name, value in database.extra.items()}
        try:
            self._connection = self._driver.connect(
                **{name: value for name, value in {**given, **extra}.items() if value},
                password=database.password.reveal(),
                charset="utf8mb4",
                connect_timeout=_CONNECT_SECONDS,
                autocommit=autocommit,
            )
        except self._driver.Error as error:
            raise SqlError(f"{database.address}: {_one_line(error)}") from None

    def run(self, statement: str) -> Result:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement)
                found = _result(cursor)
                warned = getattr(cursor, "warning_count", 0)
            notices = self._warnings() if warned else ()
            return msgspec.structs.replace(found, notices=notices)
        except self._driver.Error as error:
            raise SqlError(_one_line(error)) from None

    def _warnings(self) -> tuple[str, ...]:
        with self._connection.cursor() as cursor:
            cursor.execute("SHOW WARNINGS")
            return tuple(f"{level}: {text}" for level, _, text in cursor.fetchall())


_OPENERS: Final[dict[Dialect, Callable[[Database, bool], Session]]] = {
    "sqlite": _Sqlite,
    "postgresql": _Postgresql,
    "mysql": _Mysql,
}


def _driver(name: str, database: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ToolError(
            f"the driver for {database} is not installed on the runner ({error}); "
            "install it with: pip install 'pilothouse[sql]'"
        ) from None


def _result(cursor: Any) -> Result:
    if cursor.description is None:
        return Result(changed=cursor.rowcount)
    columns: Sequence[Any] = cursor.description
    return Result(columns=tuple(str(column[0]) for column in columns), rows=tuple(cursor.fetchmany(_SHOWN_ROWS)))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())

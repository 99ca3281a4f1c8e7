"""Databases of a test's own, empty, on a server that many tests share."""

import itertools
from urllib.parse import quote

import psycopg
from psycopg import sql
from tests.databases import PASSWORD, Postgresql


class Databases:
    """The databases of one server."""

    def __init__(self, server: Postgresql) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    def make(self) -> str:
        """Create an empty database; returns its address."""
        name = f"pilothouse_{next(self._numbers)}"
        server = self.server
        with psycopg.connect(
            host="127.0.0.1", port=server.port, user=server.user, password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://{server.user}:{quote(PASSWORD)}@127.0.0.1:{server.port}/{name}"

"""No question's cost grows with a whole table: every plan goes by an index, on both databases."""

import importlib
import pkgutil
import re

import pytest
from sqlalchemy import Connection

import pilothouse.store
from pilothouse.store.contract import Store
from pilothouse.store.pages import Listing
from pilothouse.store.statement import Statement

# they list all there is, of the site or of a project, and are asked for just that
LISTS = {
    "accounts._ALL",
    "accounts._ROLES",
    "counts._STATES",  # for the metrics, a few times a minute at most
    "forwards._ALL",
    # what administrators have set up for batches, whole, and the batches that run now
    "headless_accounts._CREDENTIALS",
    "headless_accounts._LOGINS",
    "headless_accounts._REMOVE_LOGINS",
    "headless_accounts._USERS",
    "headless_groups._GROUPS",
    "headless_catalogue._MODULES",
    "headless_catalogue._NO_DEFAULT",
    "headless_catalogue._ROOTS",
    "headless_sessions._LOCKS",
    "health._REVISION",  # a table of one row
    "instances._ROOTS",
    "instances._ROOTS_OF_PROJECT",
    "nodes._ALL",
    "nodes._OF_PROJECT",
}
# the newest row by the key; what a limited question inside found
HARMLESS = {"SCAN audit", "SCAN anon_1"}
BY_NUMBER = {"SCAN audit", "SCAN usage_reports"}  # a page of them from one end, in the order of their numbers


def _statements() -> dict[str, Statement]:
    found: dict[str, Statement] = {}
    for module in pkgutil.iter_modules(pilothouse.store.__path__):
        if module.ispkg:
            continue
        for name, value in vars(importlib.import_module(f"pilothouse.store.{module.name}")).items():
            several = value.items() if isinstance(value, dict) else [("", value)]
            found |= {f"{module.name}.{name}{key}": each for key, each in several if isinstance(each, Statement)}
    return found


def _listings() -> dict[str, Statement]:
    """Every way in which a list is asked for: later pages, each condition alone."""
    found: dict[str, Statement] = {}
    for module in pkgutil.iter_modules(pilothouse.store.__path__):
        for name, value in vars(importlib.import_module(f"pilothouse.store.{module.name}")).items():
            if isinstance(value, Listing):
                for only in ((), *((each,) for each in value.only)):
                    for later in ((), ("after",)):
                        asked = frozenset({*only, *later})
                        found[f"{module.name}.{name}{sorted(asked)}"] = value.statement(asked)
    return found


def test_the_statements_are_found() -> None:
    assert len(_statements()) > 60
    assert _statements().keys() >= LISTS


def _walks_a_table(step: str) -> bool:
    """Whether a step of SQLite's plan looks at a whole table, or at all of a project."""
    return (step.startswith("SCAN") and step not in HARMLESS) or (
        step.endswith("(project=?)") and "ix_nodes_room" not in step  # the emptiest of them, and no more than a page
    )


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_sqlite_goes_by_indexes(store: Store) -> None:
    def look(connection: Connection) -> dict[str, list[str]]:
        wrong: dict[str, list[str]] = {}
        for name, statement in _statements().items():
            sql = statement.text(connection.dialect)
            if name in LISTS or "pg_" in sql:
                continue
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
            if steps := [str(row[3]) for row in rows if _walks_a_table(str(row[3]))]:
                wrong[name] = steps
        return wrong

    assert await store.read(look) == {}


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_postgresql_goes_by_indexes(store: Store) -> None:
    def look(connection: Connection) -> dict[str, str]:
        connection.exec_driver_sql("SET enable_seqscan = off")  # so that empty tables show it too
        wrong: dict[str, str] = {}
        for name, statement in _statements().items():
            rows = connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN) {_numbered(statement.text(connection.dialect))}")
            plan = "\n".join(str(row[0]) for row in rows)
            if "Seq Scan" in plan and name not in LISTS:
                wrong[name] = plan
        return wrong

    assert await store.read(look) == {}


def _numbered(sql: str) -> str:
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    return re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql)


async def test_pages_begin_where_the_last_one_ended(store: Store) -> None:
    def look(connection: Connection) -> dict[str, str]:
        sqlite = connection.dialect.name == "sqlite"
        if not sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        wrong: dict[str, str] = {}
        for name, statement in _listings().items():
            sql = statement.text(connection.dialect)
            if sqlite:
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
                steps = [str(row[3]) for row in rows]
            else:
                rows = connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN) {_numbered(sql)}")
                steps = [str(row[0]) for row in rows]
            plan = "\n".join(steps)
            walks = any(step.startswith("SCAN") and " INDEX " not in step and step not in BY_NUMBER for step in steps)
            straight = "after" not in name or ">" in plan or "<" in plan
            if walks or "TEMP B-TREE" in plan or "Seq Scan" in plan or not straight:
                wrong[name] = plan
        return wrong

    assert len(_listings()) > 20
    assert await store.read(look) == {}

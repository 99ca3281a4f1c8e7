"""SQL files under a control server: what there is to run, whose password, and what the server is told."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.console import Console, envelope, refusal
from tests.databases import PASSWORD, Postgresql
from tests.integration.tools.running import Ran, run_on_runner
from tests.integration.tools.test_server_jobs import under

from pilothouse.controlserver import calls


class Phase:
    """A run folder with SQL files, and a SQLite database that the control server names."""

    def __init__(self, console: Console, root: Path) -> None:
        self.console = console
        self.root = root
        self.database = root / "things.db"
        self.rows: list[dict[str, Any]] = []
        (root / "file").mkdir()
        console.answers[calls.SQL_LIST] = lambda _: envelope(self.rows)

    def file(self, name: str, text: str, **row: Any) -> None:
        (self.root / "file" / name).write_text(text, "utf-8")
        common = {"nodeType": "SQLite", "nodeName": "db", "host": "192.0.2.1", "port": None, "username": ""}
        state = {"status": "pending", "md5": None, "serviceAddr": str(self.database)}
        self.rows.append({"resourceId": 9, "sqlFile": name, **common, **state, **row})

    def run(self, *words: str, **environment: str) -> Ran:
        found = under(self.console, self.root, RUNNER_ID="3", **environment)
        return run_on_runner("deploy/sqlexec", *words, folder=self.root, environment=found)

    def told(self) -> list[tuple[str, str]]:
        bodies = [request.body["sqlStatus"] for request in self.console.of(calls.SQL_UPDATE)]
        return [(body["sqlFile"], body["status"]) for body in bodies]


@pytest.fixture
def sql(console: Console, tmp_path: Path) -> Phase:
    return Phase(console, tmp_path)


def test_the_servers_list_is_run_and_reported(sql: Phase) -> None:
    sql.file("2.sql", "insert into things values (1);")
    sql.file("1.sql", "create table things (n int);")
    ran = sql.run()
    assert ran.code == 0, ran.log
    assert sqlite3.connect(sql.database).execute("select count(*) from things").fetchone() == (1,)
    (asked,) = sql.console.of(calls.SQL_LIST)
    common = {"jobId": "1001", "runnerId": 3, "phaseName": "prepare", "operType": "auto"}
    assert asked.body == {**common, "sqlFiles": None}
    assert sql.told() == [("1.sql", "running"), ("1.sql", "succeed"), ("2.sql", "running"), ("2.sql", "succeed")]
    last = sql.console.of(calls.SQL_UPDATE)[-1].body
    status = last.pop("sqlStatus")
    assert last == common
    assert (status["resourceId"], status["host"], status["port"]) == (9, "192.0.2.1", None)
    assert (len(status["md5"]), status["warnCount"], status["isModified"]) == (32, 0, 0)
    assert status["startTime"] <= status["endTime"]
    assert "interact" not in status


def test_a_deployment_names_itself(sql: Phase) -> None:
    ids = {"SYS_ID": "1", "MODULE_ID": "2", "ENV_ID": "3", "VERSION": "1.0"}
    ran = sql.run(DEPLOY_PATH="shop/web/prod", **ids)
    assert (ran.code, "knows of no SQL files" in ran.log, ran.outputs) == (0, True, {"sqlResult": []})
    body = sql.console.of(calls.SQL_LIST)[0].body
    assert (body["operType"], body["sysId"], body["moduleId"], body["envId"]) == ("deploy", "1", "2", "3")
    assert body["version"] == "1.0"


def test_a_failure_is_reported_and_ends_the_run(sql: Phase) -> None:
    sql.file("1.sql", "select * from nowhere;")
    sql.file("2.sql", "select 1;")
    assert sql.run().code == 1
    assert sql.told() == [("1.sql", "running"), ("1.sql", "failed")]


def test_what_is_left_alone_is_reported_again(sql: Phase) -> None:
    sql.file("1.sql", "create table things (n int);")
    sql.run()
    assert sql.run().code == 0
    assert sql.told() == [("1.sql", "running"), ("1.sql", "succeed"), ("1.sql", "succeed")]


def test_a_dry_run_reports_nothing(sql: Phase) -> None:
    sql.file("1.sql", "create table things (n int);")
    ran = sql.run("--dryrun", "1")
    assert (ran.code, "would run" in ran.log, sql.told()) == (0, True, [])


def test_an_outage_fails_no_sql_and_the_states_come_later(sql: Phase) -> None:
    sql.file("1.sql", "create table things (n int);")
    sql.console.faults[calls.SQL_UPDATE].append(refusal(503, "down"))
    ran = sql.run()
    assert (ran.code, "1 states of SQL files are not reported" in ran.log) == (0, True), ran.log
    assert sql.told()[-1] == ("1.sql", "succeed")


def test_own_files_are_reported_too(sql: Phase) -> None:
    sql.file("1.sql", "create table things (n int);")
    item = {"sqlFile": "1.sql", "resourceId": 9, "nodeType": "SQLite", "host": "x", "accessEndpoint": "things.db"}
    assert sql.run(_SQL_FILES=json.dumps([item])).code == 0
    assert sql.console.of(calls.SQL_LIST) == []
    assert sql.told() == [("1.sql", "running"), ("1.sql", "succeed")]


@pytest.mark.parametrize("found", [{"rows": []}, [{"resourceId": 1}], [1]])
def test_a_list_that_cannot_be_read(sql: Phase, found: Any) -> None:
    sql.console.answers[calls.SQL_LIST] = lambda _: envelope(found)
    ran = sql.run()
    assert (ran.code, "the control server's list of SQL files" in ran.log) == (2, True), ran.log


def test_a_refused_list_fails_the_tool(sql: Phase) -> None:
    sql.console.answers[calls.SQL_LIST] = lambda _: refusal(520, "no such phase")
    ran = sql.run()
    assert (ran.code, "no such phase" in ran.log) == (1, True)


def test_without_a_server_there_is_nothing_to_run(sql: Phase) -> None:
    ran = sql.run(AUTOEXEC_DEV_MODE="1")
    assert (ran.code, "give --sqlfilejson or --sql" in ran.log, sql.console.requests) == (2, True, [])


def postgresql_row(server: Postgresql) -> dict[str, Any]:
    where = {"host": "127.0.0.1", "port": server.port, "username": server.user}
    return {"nodeType": "PostgreSQL", "serviceAddr": f"127.0.0.1:{server.port}/postgres", **where}


def test_passwords_come_from_the_account_call(sql: Phase, postgresql: Postgresql) -> None:
    sql.console.answers[calls.ACCOUNT] = lambda _: envelope(PASSWORD)
    for name in ("1.sql", "2.sql"):
        sql.file(name, "select 1;", **postgresql_row(postgresql))
    ran = sql.run()
    assert ran.code == 0, ran.log
    (asked,) = sql.console.of(calls.ACCOUNT)
    where = {"host": "127.0.0.1", "port": postgresql.port, "username": postgresql.user}
    assert asked.body == {"jobId": "1001", "resourceId": 9, "protocol": "database", **where}
    assert PASSWORD not in ran.log


def test_a_password_the_server_does_not_know(sql: Phase, postgresql: Postgresql) -> None:
    sql.console.answers[calls.ACCOUNT] = lambda _: refusal(520, "no account")
    sql.file("1.sql", "select 1;", **postgresql_row(postgresql))
    node = {"resourceId": 9, "host": "127.0.0.1", "port": postgresql.port, "password": PASSWORD, "protocol": "ssh"}
    (sql.root / "nodes.json").write_text(json.dumps(node), "utf-8")
    ran = sql.run()
    assert (ran.code, "WARN: control server refused" in ran.log) == (0, True), ran.log


@pytest.mark.parametrize("by", ["file", "env"])
def test_a_password_in_a_file_or_variable_goes_first(sql: Phase, postgresql: Postgresql, by: str) -> None:
    sql.file("1.sql", "select 1;", **postgresql_row(postgresql))
    (sql.root / "secret").write_text(f"{PASSWORD}\n", "utf-8")
    words = {"file": "--password-file=secret", "env": "--password-env=DB_PASS"}
    ran = sql.run(words[by], "--password-env=" if by == "file" else "--password-file=", DB_PASS=PASSWORD)
    assert (ran.code, sql.console.of(calls.ACCOUNT)) == (0, []), ran.log


def test_a_password_among_the_drivers_arguments_is_refused(sql: Phase) -> None:
    sql.file("1.sql", "select 1;")
    ran = sql.run("--dbargs", "password=s3cret")
    assert (ran.code, "--password-file" in ran.log, "s3cret" in ran.log) == (2, True, False)

"""The SQL files of a deployment: checked in with the control server, and run set by set."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.console import Console, envelope
from tests.integration.tools.running import Ran, run_on_runner
from tests.integration.tools.test_server_jobs import under

from pilothouse.controlserver import calls

FILES = {
    "1.tables.sql": "create table things (n int);",
    "2.a.sql": "insert into things values (1);",
    "2.b.sql": "insert into things values (2);",
    "3.more.prc": "insert into things values (3);",
    "rollback/9.drop.sql": "drop table things;",
    "notes.txt": "nothing",
}


class Deployment:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = root / "things.db"
        self.scripts = root / "db"
        for name, text in FILES.items():
            path = self.scripts / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        node = {"resourceId": 9, "host": "h", "port": 1, "nodeType": "SQLite", "nodeName": "db"}
        (root / "nodes.json").write_text(json.dumps({**node, "accessEndpoint": str(self.database)}), "utf-8")

    def run(self, tool: str, *words: str, **environment: str) -> Ran:
        found = {"DB_SCRIPT": str(self.scripts), "AUTOEXEC_NODES_PATH": str(self.root / "nodes.json"), **environment}
        return run_on_runner(f"deploy/{tool}", *words, folder=self.root, environment=found)

    def rows(self) -> list[Any]:
        return [row[0] for row in sqlite3.connect(self.database).execute("select n from things order by n")]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def files(ran: Ran) -> list[tuple[str, str]]:
    assert ran.outputs is not None, ran.log
    return [(item["sqlFile"], item["status"]) for item in ran.outputs["sqlResult"]]


def test_files_run_in_their_order_once_and_rollbacks_when_asked_for(deployment: Deployment) -> None:
    ran = deployment.run("dpsqlexec", "--maxparallel", "2")
    assert ran.code == 0, ran.log
    assert files(ran) == [(name, "succeed") for name in list(FILES)[:4]]
    assert deployment.rows() == [1, 2, 3]
    assert deployment.run("dpsqlexec").code == 0
    assert deployment.rows() == [1, 2, 3]
    assert files(deployment.run("dpsqlexec", "--rollback")) == [("rollback/9.drop.sql", "succeed")]


def test_a_set_that_fails_is_the_last(deployment: Deployment) -> None:
    (deployment.scripts / "2.a.sql").write_text("insert into nowhere values (1);", "utf-8")
    ran = deployment.run("dpsqlexec", "--maxparallel", "4")
    assert (ran.code, "2.a.sql did not succeed; nothing further is run" in ran.log) == (1, True), ran.log
    assert files(ran) == [("1.tables.sql", "succeed"), ("2.a.sql", "failed"), ("2.b.sql", "succeed")]


def test_extensions_filters_and_an_index_choose(deployment: Deployment) -> None:
    (deployment.scripts / "order.idx").write_text("1.tables.sql\n3.more.prc\n", "utf-8")
    assert files(deployment.run("dpsqlexec", "--dryrun", "--extnames", "prc")) == [("3.more.prc", "pending")]
    dry = deployment.run("dpsqlexec", "--dryrun", "--filter", r"2\.")
    assert [name for name, _ in files(dry)] == ["2.a.sql", "2.b.sql"]
    indexed = deployment.run("dpsqlexec", "--index", "order.idx")
    assert [name for name, _ in files(indexed)] == ["1.tables.sql", "3.more.prc"]
    assert deployment.run("dpsqlexec", "--filter", "(").code == 2
    assert deployment.run("dpsqlexec", DB_SCRIPT="/none").code == 2


def test_files_are_checked_in_with_the_control_server(deployment: Deployment, console: Console) -> None:
    console.answers[calls.SQL_CHECKIN] = lambda _: envelope()
    found = under(console, deployment.root, RUNNER_ID="3", DEPLOY_PATH="shop/web/prod")
    ran = deployment.run("dpsqlimport", "--targetphase", "schema", "--filter", r"[12]\.", **found)
    assert ran.code == 0, ran.log
    (asked,) = console.of(calls.SQL_CHECKIN)
    rows = asked.body.pop("sqlInfoList")
    common = {"jobId": "1001", "runnerId": 3, "phaseName": "prepare", "operType": "deploy"}
    assert asked.body == {**common, "targetPhaseName": "schema"}
    assert [(row["sqlFile"], row["resourceId"], len(row["md5"])) for row in rows] == [
        (name, 9, 32) for name in list(FILES)[:3]
    ]
    assert rows[0]["serviceAddr"] == str(deployment.database)

    (deployment.root / "file" / "x.sql").write_text("select 1;", "utf-8")
    words = ("--targetphase", "schema", "--sqlfilejson", "file/x.sql", "--sql", "select 2;")
    ran = deployment.run("sqlimport", *words, **found)
    assert ran.code == 0, ran.log
    rows = console.of(calls.SQL_CHECKIN)[-1].body["sqlInfoList"]
    assert [row["sqlFile"] for row in rows] == ["sqltext.1001.sql", "x.sql"]


def test_what_the_server_lists_is_run(deployment: Deployment, console: Console) -> None:
    row = {"resourceId": 9, "nodeType": "SQLite", "nodeName": "db", "host": "h", "port": 1}
    listed = [{**row, "serviceAddr": str(deployment.database), "sqlFile": name} for name in ("2.b.sql", "1.tables.sql")]
    console.answers[calls.SQL_LIST] = lambda _: envelope(listed)
    ran = deployment.run("dpsqlexec", **under(console, deployment.root))
    assert ran.code == 0, ran.log
    assert [name for name, _ in files(ran)] == ["1.tables.sql", "2.b.sql"]
    assert deployment.rows() == [2]


def test_without_a_server_nothing_can_be_checked_in(deployment: Deployment) -> None:
    ran = deployment.run("sqlimport", "--targetphase", "schema", "--sql", "select 1;")
    assert (ran.code, "needs a control server" in ran.log) == (1, True), ran.log

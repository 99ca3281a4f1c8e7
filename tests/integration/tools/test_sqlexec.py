"""SQL files in real databases: SQLite, PostgreSQL and MariaDB."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.databases import PASSWORD, Postgresql, Server
from tests.integration.tools.running import Ran, run_on_runner
from tests.integration.tools.test_asking import Listener
from tests.jobs import Bench, document, group, phase, tool

from pilothouse.jobs.secret import Secret
from pilothouse.jobs.states import State
from pilothouse.tools.catalog import Catalog
from pilothouse.tools.sql.databases import Database, Session, SqlError, connect


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def database_of(server: Server) -> str:
    return "postgres" if isinstance(server, Postgresql) else "orders"


@pytest.fixture
def session(server: Server) -> Iterator[Session]:
    """A session of the test's own, in a database without tables."""
    database = Database(
        kind="postgresql" if isinstance(server, Postgresql) else "mysql",
        host="127.0.0.1",
        port=server.port,
        name=database_of(server),
        user=server.user,
        password=Secret(PASSWORD),
    )
    found = connect(database, autocommit=True)
    found.run("drop table if exists things")
    yield found
    found.close()


class Folder:
    """The run folder of a job with one database node, and the files of an SQL phase in it."""

    def __init__(self, root: Path, **node: Any) -> None:
        self.root = root
        self.node = {"resourceId": 9, "host": "127.0.0.1", "port": 1, "nodeName": "db", "protocol": "ssh", **node}
        self.key = f"127.0.0.1-{self.node['port']}-9"
        (root / "nodes.json").write_text(json.dumps(self.node), "utf-8")
        (root / "file").mkdir(exist_ok=True)

    def file(self, name: str, content: str | bytes) -> str:
        path = self.root / "file" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"file/{name}"

    def run(self, *words: str, **environment: str) -> Ran:
        return run_on_runner(
            "deploy/sqlexec", *words, folder=self.root, environment={"AUTOEXEC_USER": "ann", **environment}
        )

    def status(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "status/prepare" / self.key / f"{name}.txt").read_text("utf-8"))
        return found

    def log(self, name: str) -> str:
        return (self.root / "log/prepare" / self.key / f"{name}.txt").read_text("utf-8")

    def histories(self, name: str) -> list[str]:
        folder = self.root / "log/prepare" / self.key / f"{name}.hislog"
        return sorted(path.name.split(".", 1)[1] for path in folder.iterdir())


@pytest.fixture
def lite(tmp_path: Path) -> Folder:
    return Folder(tmp_path, nodeType="SQLite", accessEndpoint=str(tmp_path / "data.db"))


def rows(folder: Folder, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder.root / "data.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_files_run_in_the_order_of_their_numbers_and_once(lite: Folder) -> None:
    names = [
        lite.file("10.last.sql", "insert into things values (10);"),
        lite.file("1.first.sql", "\ufeffcreate table things (n);\n-- tables\nselect 'ü' as letter;"),
        lite.file("2.next.sql", "insert into things values (2), (3)"),
    ]
    ran = lite.run("--sqlfilejson", ",".join(names))
    assert ran.code == 0, ran.log
    assert rows(lite, "select n from things") == [(2,), (3,), (10,)]
    assert ran.outputs is not None
    assert [item["sqlFile"] for item in ran.outputs["sqlResult"]] == ["1.first.sql", "2.next.sql", "10.last.sql"]
    status = lite.status("1.first.sql")
    assert status["status"] == "succeed"
    assert set(status) == {"status", "isModified", "warnCount", "md5", "interact", "startTime", "endTime"}
    for text in ("database: sqlite", "file: 1.first.sql", "charset: utf-8", "status before: pending", "md5: ", "ü"):
        assert text in lite.log("1.first.sql")
    assert all(line[2] == ":" and line[8] == " " for line in lite.log("1.first.sql").splitlines())
    assert lite.histories("2.next.sql") == ["succeed.ann.txt"]
    assert (lite.root / "sqlfile/prepare/2.next.sql").samefile(lite.root / "file/2.next.sql")

    again = lite.run("--sqlfilejson", ",".join(names))
    assert (again.code, again.log.count("is left alone")) == (0, 3)
    lite.file("10.last.sql", "insert into things values (11);")
    assert lite.run("--sqlfilejson", ",".join(names), "--dryrun").log.count("would run") == 1
    assert lite.run("--sqlfilejson", ",".join(names)).code == 0
    assert lite.status("10.last.sql")["isModified"] == 1
    assert lite.run("--sqlfilejson", names[2], "--force", "1").code == 0
    assert rows(lite, "select n from things") == [(2,), (3,), (10,), (11,), (2,), (3,)]


def test_a_file_that_fails_is_undone_and_stops_the_rest(lite: Folder) -> None:
    bad = lite.file(
        "1.bad.sql", "create table things (n);\ninsert into no_such values (1);\ninsert into things values (1);"
    )
    ran = lite.run("--sqlfilejson", f"{bad},{lite.file('2.sql', 'create table more (n)')}")
    assert ran.code == 1
    assert "ERROR: 1.bad.sql, line 2: no such table: no_such" in ran.log
    assert rows(lite, "select name from sqlite_master") == []
    assert (lite.status("1.bad.sql")["status"], lite.status("1.bad.sql")["warnCount"]) == ("failed", 1)
    assert lite.histories("1.bad.sql") == ["failed.ann.txt"]
    assert not (lite.root / "status/prepare" / lite.key / "2.sql.txt").exists()
    lite.file("1.bad.sql", "create table things (n);")
    assert lite.run("--sqlfilejson", f"{bad},file/2.sql").code == 0


def test_sql_may_be_given_as_a_text(lite: Folder) -> None:
    text = "create table things (n);\\ninsert into things values (5)"
    assert lite.run("--sql", text, "--autocommit").code == 0
    assert lite.run("--sql", text, "--autocommit").code == 0
    assert rows(lite, "select n from things") == [(5,)]
    assert lite.status("sqltext.1001.sql")["status"] == "succeed"


def test_the_files_may_be_named_by_the_one_who_starts_the_job(lite: Folder) -> None:
    lite.file("main.me/1.sql", "create table things (n)")
    item = {**lite.node, "sqlFile": "main.me/1.sql", "nodeType": "SQLite", "accessEndpoint": str(lite.root / "data.db")}
    ran = lite.run(_SQL_FILES=json.dumps([item]))
    assert ran.code == 0, ran.log
    assert lite.status("main.me/1.sql")["status"] == "succeed"


@pytest.mark.parametrize(
    ("words", "environment", "text"),
    [
        ((), {}, "there is no SQL to run"),
        (("--sqlfilejson", "gone.sql"), {}, "there is no such file"),
        (("--sqlfilejson", "../nodes.json"), {}, "leads out of"),
        (("--sql", "x", "--dbargs", "nonsense"), {}, "--dbargs"),
        ((), {"_SQL_FILES": "["}, "_SQL_FILES"),
        ((), {"_SQL_FILES": '[{"sqlFile": "x", "nodeType": "Oracle"}]'}, "allowed: PostgreSQL"),
    ],
)
def test_what_cannot_be_run_is_refused(
    lite: Folder, words: tuple[str, ...], environment: dict[str, str], text: str
) -> None:
    ran = lite.run(*words, **environment)
    assert (ran.code, text in ran.log) == (2, True), ran.log


def test_a_driver_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = Folder(tmp_path, nodeType="MySQL")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/pymysql.py").write_text("raise ImportError('hidden')\n", "utf-8")
    hidden = os.pathsep.join([str(tmp_path / "hidden"), *sys.path])
    ran = folder.run("--sql", "select 1", PYTHONPATH=hidden)
    assert (ran.code, "pip install 'pilothouse[sql]'" in ran.log) == (1, True), ran.log
    assert folder.status("sqltext.1001.sql")["status"] == "failed"


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    found = Listener(tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("answer", "autocommit", "code", "status", "kept"),
    [
        ("commit", False, 0, "ignored", [(1,), (3,)]),
        ("rollback", False, 1, "failed", None),
        ("ignore", True, 0, "ignored", [(1,), (3,)]),
        ("abort", True, 1, "failed", [(1,)]),
    ],
)
def test_the_operator_decides_about_errors(
    lite: Folder, listener: Listener, answer: str, autocommit: bool, code: int, status: str, kept: object
) -> None:
    text = "create table things (n); insert into things values (1); oops; insert into things values (3);"
    seen: list[dict[str, Any]] = []

    def reply(pipe: Path) -> None:
        seen.append(lite.status("1.sql"))
        pipe.write_text(f"[ann]# {answer}\n", "utf-8")

    listener.reply = reply
    words = ("--sqlfilejson", lite.file("1.sql", text), *(("--autocommit",) if autocommit else ()))
    ran = lite.run(*words, AUTOEXEC_JOB_SOCK=str(listener.path))
    assert (ran.code, lite.status("1.sql")["status"]) == (code, status), ran.log
    assert lite.status("1.sql")["interact"] is None
    assert seen[0]["status"] == "waitInput"
    pipe = str(lite.root / "log/prepare" / lite.key / "1.sql.txt.run.pipe")
    assert seen[0]["interact"]["pipeFile"] == pipe
    assert f"decided: {answer}" in lite.log("1.sql")
    tables = rows(lite, "select name from sqlite_master")
    assert (rows(lite, "select n from things") if tables else None) == kept


def test_a_file_that_is_ended_is_aborted_and_runs_again(lite: Folder) -> None:
    slow = "create table t (n); with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"
    lite.file("1.sql", slow)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "AUTOEXEC_WORK_PATH": str(lite.root),
        "AUTOEXEC_PHASE_NAME": "prepare",
    }
    command = (*Catalog().find("deploy/sqlexec", "local").command, "--sqlfilejson", "1.sql")
    running = subprocess.Popen(command, env=environment, cwd=lite.root, stdout=subprocess.DEVNULL)
    while not (lite.root / "log/prepare" / lite.key / "1.sql.txt").exists() or "recursive" not in lite.log("1.sql"):
        time.sleep(0.02)
    busy = lite.run("--sqlfilejson", "1.sql")
    assert (busy.code, "another process is running it" in busy.log) == (0, True)
    running.kill()
    running.wait(30)
    assert lite.status("1.sql")["status"] == "running"
    lite.file("1.sql", "create table t (n)")
    assert lite.run("--sqlfilejson", "1.sql").code == 0
    assert any(name.startswith("aborted.") for name in lite.histories("1.sql"))


def test_a_server_keeps_what_succeeds_and_undoes_what_fails(server: Server, session: Session, tmp_path: Path) -> None:
    kind = "PostgreSQL" if isinstance(server, Postgresql) else "mysql"
    node = {
        "nodeType": kind,
        "port": server.port,
        "username": server.user,
        "password": PASSWORD,
        "accessEndpoint": f"127.0.0.1:{server.port}/{database_of(server)}",
    }
    folder = Folder(tmp_path, **node)
    first = folder.file(
        "1.sql", "create table things (n int, t varchar(20));\ninsert into things values (1, 'it''s; ü %s');"
    )
    second = folder.file(
        "2.sql", "insert into things values (2, 'x');\ninsert into nothing values (1);\nselect * from things;"
    )
    ran = folder.run("--sqlfilejson", f"{first},{second}")
    assert ran.code == 1, ran.log
    assert session.run("select n, t from things").rows == ((1, "it's; ü %s"),)
    assert (folder.status("1.sql")["status"], folder.status("2.sql")["status"]) == ("succeed", "failed")
    assert "line 2: " in ran.log
    assert "2\tx" in folder.log("2.sql")
    assert PASSWORD not in ran.log + folder.log("1.sql") + folder.log("2.sql")

    folder.file(
        "2.sql",
        "insert into things values (2, 'x'); commit;\ninsert into things values (3, 'y');\noops",
    )
    assert folder.run("--sqlfilejson", second).code == 1
    assert session.run("select n from things order by n").rows == ((1,), (2,))
    folder.file("2.sql", "insert into things values (4, 'z'); drop table if exists no_such;")
    assert folder.run("--sqlfilejson", second).code == 0
    assert folder.status("2.sql")["warnCount"] == 1
    assert "no_such" in folder.log("2.sql")


def test_routines_of_each_server(server: Server, session: Session, tmp_path: Path) -> None:
    postgresql = isinstance(server, Postgresql)
    node = {"nodeType": "postgres" if postgresql else "MariaDB", "port": server.port, "username": server.user}
    folder = Folder(tmp_path, **node, password=PASSWORD)
    text = (
        "create or replace function twice(n int) returns int language plpgsql as $$ begin return n * 2; end; $$;\n"
        if postgresql
        else "drop function if exists twice;\ndelimiter //\ncreate function twice(n int) returns int deterministic\n"
        "begin declare m int; set m = n * 2; return m; end //\ndelimiter ;\n"
    )
    folder.file("1.sql", f"{text}select twice(21) as answer;")
    ran = folder.run("--sqlfilejson", "1.sql", "--dbargs", f"dbname={database_of(server)}", "--autocommit")
    assert ran.code == 0, ran.log
    assert "answer\n" in folder.log("1.sql")
    assert " 42\n" in folder.log("1.sql")


def test_a_server_that_cannot_be_reached_or_refuses(server: Server, tmp_path: Path) -> None:
    kind = "PostgreSQL" if isinstance(server, Postgresql) else "MySQL"
    for node in ({"port": server.port, "password": "wrong"}, {"port": 1, "password": PASSWORD}):
        folder = Folder(tmp_path, nodeType=kind, username=server.user, **node)
        ran = folder.run("--sql", "select 1", "--dbargs", f"dbname={database_of(server)}")
        assert ran.code == 1
        assert folder.status("sqltext.1001.sql")["status"] == "failed"
        assert "ERROR: " in ran.log
        assert "wrong" not in ran.log


@pytest.mark.parametrize("autocommit", [True, False])
def test_a_session_goes_on_after_a_refused_statement(server: Server, session: Session, autocommit: bool) -> None:
    database = msgspec.structs.replace(
        Database(kind="postgresql" if isinstance(server, Postgresql) else "mysql", host="127.0.0.1"),
        port=server.port,
        name=database_of(server),
        user=server.user,
        password=Secret(PASSWORD),
    )
    session.run("create table things (n int)")
    other = connect(database, autocommit=autocommit)
    other.run("insert into things values (1)")
    with pytest.raises(SqlError):
        other.run("oops")
    other.run("insert into things values (2)")
    other.rollback()
    other.close()
    assert len(session.run("select n from things").rows) == (2 if autocommit else 0)


async def test_a_phase_of_sql_files_runs_again_with_the_job(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    nodes = [
        {"resourceId": 9, "host": "127.0.0.1", "port": 1, "nodeName": "db", "nodeType": "SQLite", "protocol": "local",
         "accessEndpoint": str(path)},
    ]  # fmt: skip
    space = bench.space("7101")
    (space.root / "file").mkdir(parents=True)
    (space.root / "file/1.sql").write_text(
        "create table if not exists things (n); insert into things values (1);", "utf-8"
    )
    space.nodes.write_text(json.dumps(nodes[0]), "utf-8")
    operation = tool("deploy/sqlexec", "sqlfile", opId="sql_1", opt={"sqlfilejson": "file/1.sql"})
    doc = document("7101", group(0, phase("sql", operation, phaseType="sqlfile")))
    for text in ("1.sql runs in sqlite", "1.sql is left alone"):
        result = await bench.run(doc, nodes)
        assert result.state is State.SUCCEEDED, bench.log("7101", "sql", "local-0-0")
        assert text in bench.log("7101", "sql", "local-0-0")
    item = json.dumps([{**nodes[0], "sqlFile": "2.sql"}])
    (space.root / "file/2.sql").write_text("insert into things values (2)", "utf-8")
    await bench.run(doc, nodes, sql_files=item)
    connection = sqlite3.connect(path)
    assert connection.execute("select n from things").fetchall() == [(1,), (2,)]
    connection.close()
    assert bench.json("7101", "status", "sql", "127.0.0.1-1-9", "2.sql.txt")["status"] == "succeed"

"""The documented command line of ``autoexec`` in dev mode, run as its users run it."""

import json
from pathlib import Path

import pytest
from tests.commands import Commands
from tests.jobs import document, group, operation, phase, ssh_nodes, tool
from tests.machine import nap
from tests.sshd import Sshd


@pytest.fixture
def commands(tmp_path: Path, sshd: Sshd) -> Commands:
    return Commands(tmp_path, sshd)


FLAGS = (
    *("--verbose", "--jobid", "--execuser", "--paramsfile", "--nodesfile", "--force", "--firstfire", "--abort"),
    *("--pause", "--register", "--cleanstatus", "--purgejobdata", "--devmode", "--nofirenext", "--passthroughenv"),
    *("--phasegroups", "--phases", "--nodes", "--sqlfiles"),
)


def test_check_1_help_lists_every_documented_flag(commands: Commands) -> None:
    said = commands.autoexec("-h").stdout
    assert [flag for flag in FLAGS if flag not in said] == []


def test_check_2_an_unknown_flag_is_a_usage_error_and_makes_no_folder(commands: Commands) -> None:
    assert "--badflag" in commands.autoexec("--badflag", code=2).stderr
    assert not (commands.home / "data").exists()


def test_checks_3_9_the_documented_run_folder(commands: Commands, sshd: Sshd) -> None:
    doc = document("624490098515988", group(0, phase("p", operation("x", "echo hello"))))
    params, _, nodes = commands.write(doc, ssh_nodes(sshd, 2))
    said = commands.autoexec(
        *("--devmode", "--jobid", "624490098515988", "--execid", "x", "--firstfire", "--execuser", "admin"),
        *("--paramsfile", params, "--nodesfile", nodes),
    )
    assert "succeed" in said.stdout
    folder = commands.home / "data/job/624/490/098/515/988"
    key = f"127.0.0.1-8001-{6001}"
    assert json.loads((folder / f"status/p/{key}.json").read_text("utf-8"))["x_1"] == "succeed"
    assert "hello" in (folder / f"log/p/{key}.txt").read_text("utf-8")
    assert [path.name.split(".", 1)[1] for path in (folder / f"log/p/{key}.hislog").iterdir()] == ["succeed.admin.txt"]
    assert (folder / "log/console.txt").read_text("utf-8") == said.stdout


def test_checks_11_12_missing_params_are_told_clearly(commands: Commands) -> None:
    assert "--paramsfile" in commands.autoexec("--devmode", "--jobid", "5", code=3).stderr
    said = commands.autoexec("--devmode", "--jobid", "5", "--paramsfile", "nowhere.json", code=3)
    assert "nowhere.json" in said.stderr
    assert "Traceback" not in said.stderr
    said = commands.autoexec("--devmode", "--jobid", "5", "--paramsfile", "/nowhere.json", code=3)
    assert said.stderr == "autoexec: /nowhere.json: no such file\n"


def test_checks_13_14_params_of_the_run_folder_and_the_first_fire(commands: Commands) -> None:
    first = document("77", group(0, phase("p", operation("x", "echo first", "runner"))))
    folder = commands.home / "data/job/77"
    folder.mkdir(parents=True)
    (folder / "p.json").write_text(json.dumps(first), "utf-8")
    commands.autoexec("--devmode", "--jobid", "77", "--firstfire", "--paramsfile", "p.json")
    assert "first" in (folder / "log/p/local-0-0.txt").read_text("utf-8")

    second = document("77", group(0, phase("p", operation("x", "echo second", "runner"))))
    (folder / "other.json").write_text(json.dumps(second), "utf-8")
    said = commands.autoexec("--devmode", "--jobid", "77", "--force", "--paramsfile", "other.json").stderr
    assert f"other.json is not used: {folder / 'params.json'} is there; add --firstfire to replace it" in said
    assert "first" in (folder / "log/p/local-0-0.txt").read_text("utf-8")
    console = (folder / "log/console.txt").read_text("utf-8")
    assert console.count("Job 77 run") == 2
    assert len(list((folder / "log/console.hislog").iterdir())) == 1


def test_checks_16_17_filters_take_plain_and_quoted_lists(commands: Commands, sshd: Sshd) -> None:
    groups = [group(n, phase(f"p{n}", operation("x", "true"))) for n in range(3)]
    params, _, nodes = commands.write(document("78", *groups), ssh_nodes(sshd, 3))
    base = ("--devmode", "--jobid", "78", "--paramsfile", params, "--nodesfile", nodes)
    commands.autoexec(*base, "--phasegroups", "1','2", "--nodes", "6001")
    status = commands.home / "data/job/78/status"
    assert sorted(path.name for path in status.iterdir()) == ["p1", "p2"]
    assert len(list((status / "p1").iterdir())) == 1
    assert "it has: p0, p1, p2" in commands.autoexec(*base, "--phases", "nope", code=2).stderr


def test_checks_19_66_cleanstatus_and_abort_of_no_job(commands: Commands) -> None:
    doc = document("79", group(0, phase("p", operation("x", "echo ran >> file/count", "runner"))))
    params, _, _ = commands.write(doc, [])
    base = ("--devmode", "--jobid", "79", "--paramsfile", params)
    commands.autoexec(*base)
    commands.autoexec(*base)
    commands.autoexec("--jobid", "79", "--cleanstatus")
    folder = commands.home / "data/job/79"
    assert not (folder / "status").exists()
    commands.autoexec(*base)
    assert (folder / "file/count").read_text("utf-8") == "ran\n" * 2
    commands.autoexec("--jobid", "79", "--abort", code=2)
    commands.autoexec("--jobid", "79", "--pause", code=2)


def test_check_67_abort_finds_the_engine_however_it_was_started(commands: Commands) -> None:
    doc = document("12", group(0, phase("p", operation("x", nap(), "runner"))))
    params, _, _ = commands.write(doc, [])
    process = commands.start("autoexec", "--devmode", "--jobid", "12", "--firstfire", "--paramsfile", params)
    commands.await_text("12", "log/console.txt", "begin.", data=commands.home / "data")
    assert commands.autoexec("--jobid", "1", "--abort", code=2)
    assert process.poll() is None
    commands.autoexec("--jobid", "12", "--abort")
    process.communicate(timeout=30)
    assert process.returncode == 5


def test_a_failed_node_is_exit_code_1(commands: Commands) -> None:
    doc = document("80", group(0, phase("p", operation("x", "exit 9", "runner"))))
    params, _, _ = commands.write(doc, [])
    commands.autoexec("--devmode", "--jobid", "80", "--paramsfile", params, code=1)


def test_sqlfiles_name_the_work_of_sql_phases(commands: Commands, tmp_path: Path) -> None:
    sql = tool("deploy/sqlexec", "sqlfile", opId="sql_1")
    doc = document("79", group(0, phase("schema", sql, phaseType="sqlfile")))
    folder = commands.home / "data/job/79"
    (folder / "file").mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(doc), "utf-8")
    (folder / "file/1.sql").write_text("create table things (n);", "utf-8")
    item = {"sqlFile": "1.sql", "nodeType": "SQLite", "resourceId": 9, "host": "h", "port": 1}
    work = json.dumps([{**item, "accessEndpoint": str(tmp_path / "data.db")}])
    commands.autoexec("--devmode", "--jobid", "79", "--sqlfiles", work)
    assert json.loads((folder / "status/schema/h-1-9/1.sql.txt").read_text("utf-8"))["status"] == "succeed"
    for wrong in ("[", "{}", "[{}]", '["x"]'):
        assert "--sqlfiles" in commands.autoexec("--devmode", "--jobid", "79", "--sqlfiles", wrong, code=2).stderr

"""``autoexec`` as its users run it, under a control server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.commands import Commands
from tests.console import TOKEN, USER, Console, node_list, refusal
from tests.jobs import document, group, local_nodes, operation, phase
from tests.machine import nap
from tests.sshd import Sshd, free_port

from pilothouse.controlserver import calls
from pilothouse.jobs.secret import Secret
from pilothouse.secrets import legacy
from pilothouse.tools.catalog import Catalog

KEY = "peerpasskey1"


@pytest.fixture
def commands(tmp_path: Path, sshd: Sshd) -> Commands:
    return Commands(tmp_path, sshd)


def configure(commands: Commands, console: Console, **more: Any) -> Path:
    path = commands.home / "conf" / "config.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = {"server.grace": 0.5, "server.patience": 0.5, **more}
    path.write_text(
        f"# made by hand\n[server]\nserver.baseurl = {console.url}/\nServer.Username={USER}\n"
        f"  ; the token\nserver.password={TOKEN}\npassword.key: {KEY}\n\n[autoexec]\nrexec.connectTimeout=7\n"
        + "".join(f"{name}={value}\n" for name, value in lines.items()),
        "utf-8",
    )
    return path


def job(console: Console, job_id: str, script: str = "true", nodes: int = 2) -> None:
    doc = document(job_id, group(0, phase("roll", operation("do", script))))
    console.params[job_id] = {"roundCount": 1, **doc}
    console.nodes["job"] = node_list(local_nodes(nodes))


def test_a_run_in_production(commands: Commands, console: Console) -> None:
    job(console, "5001", 'echo "$RUNNER_ID"')
    configure(commands, console)
    said = commands.autoexec(
        *("--jobid", "5001", "--execuser", "u1", "--firstfire", "--phasegroups", "0", "--reuseconslog"),
        *("--passthroughenv", '{"runnerId": 1, "tenant": "acme", "x": "y"}'),
    )
    assert "succeed" in said.stdout
    assert console.pushes()[-1] == ("fire", "0")
    assert {request.headers["tenant"] for request in console.requests} == {"acme"}
    pushed = console.of(calls.NODE_STATUS, calls.PHASE_STATUS, calls.FIRE_NEXT)
    assert all(request.body["passThroughEnv"] == {"runnerId": 1, "tenant": "acme", "x": "y"} for request in pushed)


def test_nofirenext(commands: Commands, console: Console) -> None:
    job(console, "5002")
    configure(commands, console)
    commands.autoexec("--jobid", "5002", "--firstfire", "--nofirenext")
    assert console.of(calls.FIRE_NEXT) == []


def test_check_29_exit_code_is_the_jobs_when_the_server_is_gone(commands: Commands, console: Console) -> None:
    job(console, "5003")
    configure(commands, console)
    console.faults[calls.PHASE_STATUS].extend([refusal(503, "down")] * 50)
    said = commands.autoexec("--jobid", "5003", "--firstfire")
    assert "could not be delivered; the next start of job 5003 sends them" in said.stderr
    console.faults.clear()
    commands.autoexec("--jobid", "5003")
    assert console.pushes()[-1] == ("fire", "0")


def test_without_a_server_the_command_says_where_to_name_one(commands: Commands) -> None:
    said = commands.autoexec("--jobid", "1", code=2)
    assert "config.ini" in said.stderr
    assert "--devmode" in said.stderr


def test_production_needs_a_job_id(commands: Commands, console: Console) -> None:
    configure(commands, console)
    assert "--jobid" in commands.autoexec("--firstfire", code=2).stderr


def test_an_unknown_job_is_told_clearly(commands: Commands, console: Console) -> None:
    configure(commands, console)
    said = commands.autoexec("--jobid", "404", "--firstfire", code=3)
    assert "job not found" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_wrong_token_is_told_without_showing_it(commands: Commands, console: Console) -> None:
    path = configure(commands, console)
    path.write_text(path.read_text("utf-8").replace(TOKEN, "not-the-token"), "utf-8")
    said = commands.autoexec("--jobid", "1", "--firstfire", code=3)
    assert "server.password" in said.stderr
    assert "not-the-token" not in said.stderr
    console.problems.clear()


def test_check_4_plain_secrets_are_sealed_and_comments_kept(commands: Commands, console: Console) -> None:
    path = configure(commands, console, **{"db.password": "dbpass", "db.name": "x"})
    path.chmod(0o640)
    before = path.read_text("utf-8")
    commands.autoexec("--jobid", "1", "--abort", code=2)
    after = path.read_text("utf-8")
    assert "password.key: {ENCRYPTED}d818d1d65e220be5f605c12a\n" in after
    sealed = dict(line.split("=", 1) for line in after.splitlines() if "password=" in line)
    assert legacy.open_secret(Secret(sealed["server.password"]), KEY) == TOKEN
    assert legacy.open_secret(Secret(sealed["db.password"]), KEY) == "dbpass"
    changed = [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert len(changed) == 3
    assert path.stat().st_mode & 0o777 == 0o640
    stamp = path.stat().st_mtime_ns, path.stat().st_ino
    commands.autoexec("--jobid", "1", "--abort", code=2)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == stamp
    assert console.pushes() == [("job", "aborted")] * 2


def test_check_6_a_configuration_that_cannot_be_written_fails_nothing(commands: Commands, console: Console) -> None:
    job(console, "5004")
    path = configure(commands, console)
    # root may write to a read-only folder; even root cannot open a folder for writing
    path.with_name(".config.ini.lock").mkdir()
    path.parent.chmod(0o555)
    before = path.read_bytes()
    commands.autoexec("--jobid", "5004", "--firstfire")
    assert path.read_bytes() == before
    path.parent.chmod(0o755)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("server.baseurl", "ftp://x", "http://"),
        ("server.readtimeout", "soon", "number of seconds"),
        ("rexec.connectTimeout", "-1", "number of seconds"),
        ("deploy.possibleEncodings", "KLINGON", "KLINGON"),
    ],
)
def test_a_wrong_entry_is_named(commands: Commands, console: Console, key: str, value: str, told: str) -> None:
    configure(commands, console, **{key: value})
    said = commands.autoexec("--jobid", "1", "--firstfire", code=3)
    assert told in said.stderr
    assert "Traceback" not in said.stderr


def test_check_18_register_tells_every_tool_and_removes_the_others(commands: Commands, console: Console) -> None:
    configure(commands, console)
    commands.autoexec("--register", "acme")
    registered = console.of(calls.REGISTER)
    catalog = Catalog()
    tools = [*catalog.tools("local"), *catalog.tools("remote")]
    assert [(request.body["opName"], request.body["opType"]) for request in registered] == [
        (tool.name, tool.kind) for tool in tools
    ]
    (removed,) = console.of(calls.UNREGISTER)
    assert console.requests[-1] is removed
    assert {request.body["importTime"] for request in registered} == {removed.body["importTime"]}
    assert {request.headers["tenant"] for request in console.requests} == {"acme"}
    script = next(request.body for request in registered if request.body["opName"] == "osbasic/execscript")
    assert script["opType"] == "target"
    assert {option["required"] for option in script["option"]} <= {"true", "false"}


def test_check_18_register_keeps_older_tools_when_one_failed(commands: Commands, console: Console) -> None:
    configure(commands, console)
    console.faults[calls.REGISTER].append(refusal(520, "unknown type name"))
    said = commands.autoexec("--register", "acme", code=1)
    assert "unknown type name" in said.stderr
    assert console.of(calls.UNREGISTER) == []
    assert len(console.of(calls.REGISTER)) > 5


@pytest.mark.parametrize("fault", ["nobody answers", "the token is wrong"])
def test_register_stops_when_no_tool_can_be_registered(commands: Commands, console: Console, fault: str) -> None:
    if fault == "nobody answers":
        configure(commands, console, **{"server.baseurl": f"http://127.0.0.1:{free_port()}"})
    else:
        configure(commands, console)
        console.faults[calls.REGISTER].append(refusal(401, "who are you"))
    lines = commands.autoexec("--register", "acme", code=1).stderr.splitlines()
    said = [line for line in lines if line.startswith("ERROR:")]
    assert len(said) == 2
    assert said[-1] == "ERROR: 0 tools registered, 1 failed, the others were not tried; no older tool was removed."
    assert len(console.requests) <= 1


def test_register_tells_a_broken_descriptor_and_goes_on(commands: Commands, console: Console) -> None:
    configure(commands, console)
    folder = commands.home / "plugins" / "local" / "mine"
    folder.mkdir(parents=True)
    for name, text in (("broken", "{"), ("off", '{"enabled": 0}'), ("good", '{"opType": "localremote"}')):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / f"{name}.json").write_text(text)
    said = commands.autoexec("--register", "acme", code=1)
    assert "mine/broken" in said.stderr
    mine = {
        body["opName"]: body
        for body in (request.body for request in console.of(calls.REGISTER))
        if body["opName"].startswith("mine/")
    }
    assert list(mine) == ["mine/good"]
    assert mine["mine/good"]["opType"] == "runner_target"


def test_abort_reports_after_what_the_engine_reported(commands: Commands, console: Console) -> None:
    job(console, "5005", nap(), nodes=1)
    configure(commands, console, **{"server.grace": 5})
    process = commands.start("autoexec", "--jobid", "5005", "--firstfire")
    commands.await_text("5005", "log/console.txt", "begin.", data=commands.home / "data")
    commands.autoexec("--jobid", "5005", "--abort")
    process.communicate(timeout=30)
    assert process.returncode == 5
    pushes = console.pushes()
    assert pushes[-5:-2] == [
        ("node", "roll", "5001", "running"),
        ("node", "roll", "5001", "aborted"),
        ("phase", "roll", "aborted"),
    ]
    assert pushes[-2:] == [("job", "aborted")] * 2


def test_check_66_no_such_job_is_reported_all_the_same(commands: Commands, console: Console) -> None:
    configure(commands, console)
    commands.autoexec("--jobid", "5006", "--pause", "--passthroughenv", '{"runnerId": 3}', code=2)
    (told,) = console.of(calls.JOB_STATUS)
    assert isinstance(told.body.pop("time"), float)
    assert told.body == {"jobId": "5006", "status": "paused", "passThroughEnv": {"runnerId": 3}}
    assert not (commands.home / "data" / "job").exists()


def test_abort_keeps_its_code_when_the_server_is_down(commands: Commands, console: Console) -> None:
    configure(commands, console)
    console.stop()
    assert "could not be told" in commands.autoexec("--jobid", "5007", "--abort", code=2).stderr


def test_check_19_cleanstatus_fails_when_the_journal_cannot_be_read(commands: Commands, console: Console) -> None:
    job(console, "5008")
    configure(commands, console)
    commands.autoexec("--jobid", "5008", "--firstfire")
    folder = commands.home / "data/job/500/8"
    commands.autoexec("--jobid", "5008", "--cleanstatus")
    assert not (folder / "status").exists()
    (folder / "journal.db").write_bytes(b"no database" * 100)
    for name in ("journal.db-wal", "journal.db-shm"):
        (folder / name).unlink(missing_ok=True)
    assert "cannot be cleaned" in commands.autoexec("--jobid", "5008", "--cleanstatus", code=1).stderr


def test_purge_removes_old_jobs_and_spares_nested_running_and_fresh_ones(commands: Commands) -> None:
    data = commands.home / "data"
    old = time.time() - 3 * 86400
    for job_id in ("624490098", "624490098515988", "111", "222"):
        folder = data / "job" / Path(*[job_id[i : i + 3] for i in range(0, len(job_id), 3)])
        (folder / "log" / "console.hislog").mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / "params.json").write_text("{}")
        history = folder / "log" / "console.hislog" / "x.txt"
        history.write_text("old")
        os.utime(history, (old, old))
        if job_id in {"624490098", "111"}:
            os.utime(folder / "params.json", (old, old))
    job_222 = document("222", group(0, phase("p", operation("x", nap(), "runner"))))
    params, _, _ = commands.write(job_222, [])
    process = commands.start("autoexec", "--devmode", "--jobid", "222", "--firstfire", "--paramsfile", params)
    commands.await_text("222", "log/console.txt", "begin.", data=data)
    os.utime(data / "job/222/params.json", (old, old))
    said = commands.autoexec("--purgejobdata", "2").stdout
    assert "2 jobs, 2 history files" in said
    assert "1 running and kept" in said
    assert not (data / "job/111").exists()
    assert sorted(path.name for path in (data / "job/624/490/098").iterdir()) == ["515"]
    assert (data / "job/624/490/098/515/988/params.json").is_file()
    assert not (data / "job/624/490/098/515/988/log/console.hislog/x.txt").exists()
    assert process.poll() is None
    commands.autoexec("--jobid", "222", "--abort")
    process.communicate(timeout=30)


@pytest.mark.parametrize("days", ["x", "1.5", "0", "-1", ""])
def test_purge_takes_whole_days_only(commands: Commands, days: str) -> None:
    commands.autoexec("--purgejobdata", days, code=2)
    assert not (commands.home / "data" / "job").exists()


def test_filters_that_match_nothing_are_usage_errors(commands: Commands, console: Console) -> None:
    """D46."""
    job(console, "5009")
    configure(commands, console)
    for flag, value in (("--phasegroups", "9"), ("--phases", "none"), ("--nodes", "1")):
        assert "the job has no" in commands.autoexec("--jobid", "5009", "--firstfire", flag, value, code=2).stderr
    assert json.loads((commands.home / "data/job/500/9/params.json").read_text("utf-8"))["jobId"] == "5009"


def test_a_run_without_a_server_does_not_load_the_http_library(commands: Commands) -> None:
    params, _, _ = commands.write(document("5010", group(0, phase("p", operation("x", "true", "runner")))), [])
    program = (
        "import sys; from pilothouse.cli.autoexec import main; "
        f"code = main(['--devmode', '--jobid', '5010', '--paramsfile', {params!r}]); "
        "sys.exit(code or ' '.join({'httpx', 'asyncssh', 'rich', 'tarfile'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=commands.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_documents_given_with_the_run_are_not_asked_for(commands: Commands, console: Console) -> None:
    configure(commands, console)
    doc = document("5011", group(0, phase("p", operation("x", "true"))))
    params, _, nodes = commands.write(doc, local_nodes(1))
    commands.autoexec("--jobid", "5011", "--firstfire", "--paramsfile", params, "--nodesfile", nodes)
    assert console.of(calls.PARAMS, calls.NODES) == []
    assert console.pushes()[-1] == ("fire", "0")


def test_dev_mode_fetches_what_is_missing_and_reports_nothing(commands: Commands, console: Console) -> None:
    script = operation("do", "", scriptContent=None, scriptId="7")
    given = {"opt": {"given": [12]}, "desc": {"given": "file"}}
    read = operation("read", 'cat "$2"; stat -c "links %h" "$2"', "runner_target", **given)
    doc = document("5301", group(0, phase("roll", script, read)))
    console.params["5301"] = {"roundCount": 1, **doc}
    console.nodes["job"] = node_list(local_nodes(2))
    console.scripts["7"] = {"name": "do", "version": "1", "text": "echo from the server"}
    console.files["12"] = ("data.txt", b"the data\n")
    configure(commands, console)
    said = commands.autoexec("--devmode", "--jobid", "5301")
    assert "succeed" in said.stdout
    log = (commands.home / "data/job/530/1/log/roll/127.0.0.1-7001-5001.txt").read_text("utf-8")
    assert "from the server" in log
    assert "the data" in log
    assert "links 2" in log
    asked = {request.path for request in console.requests}
    assert asked == {calls.PARAMS, calls.NODES, calls.SCRIPT, calls.FILE}

    console.requests.clear()
    commands.autoexec("--devmode", "--jobid", "5301")
    assert console.requests == []
    said = commands.pilothouse("job", "retry", "5301", "--data", str(commands.home / "data"))
    assert "skipped" in said.stdout


def test_dev_mode_with_everything_here_does_not_ask_a_server_that_is_down(commands: Commands, console: Console) -> None:
    configure(commands, console, **{"server.baseurl": "http://127.0.0.1:9/"})
    commands.write(document("5302", group(0, phase("p", operation("do", "true")))), local_nodes(1))
    commands.autoexec("--devmode", "-p", str(commands.params), "-n", str(commands.nodes))


def test_retry_of_a_job_under_the_server_is_reported_and_fires_on(commands: Commands, console: Console) -> None:
    mended = commands.folder / "mended"
    job(console, "5303", f"[ -e {mended} ]")
    configure(commands, console)
    passed = {"runnerId": 1, "tenant": "acme", "x": "y"}
    commands.autoexec(
        *("--jobid", "5303", "--execuser", "u1", "--firstfire", "--phasegroups", "0"),
        *("--passthroughenv", json.dumps(passed)),
        code=1,
    )
    assert console.of(calls.FIRE_NEXT) == []
    mended.touch()
    console.requests.clear()
    commands.environment.pop("AUTOEXEC_HOME")
    said = commands.pilothouse("job", "retry", "5303", "--data", str(commands.home / "data"))
    assert "job 5303 started by u1: 2 node runs, run 2" in said.stdout
    assert console.pushes()[-1] == ("fire", "0")
    pushed = console.of(calls.NODE_STATUS, calls.PHASE_STATUS)
    assert pushed
    assert all(request.body["passThroughEnv"] == passed for request in pushed)

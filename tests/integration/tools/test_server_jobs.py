"""Jobs that jobs create and wait for: the tools as processes, the control server over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.commands import Commands
from tests.console import TOKEN, USER, Console, Reply, Request, envelope, node_list, refusal
from tests.integration.tools.running import Ran, run_on_runner
from tests.jobs import document, group, phase, tool
from tests.sshd import Sshd

from pilothouse.controlserver import calls


def home_of(console: Console, folder: Path, **more: Any) -> Path:
    """Lay an installation out whose configuration names the server."""
    path = folder / "home" / "conf" / "config.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = {"server.patience": 0.5, "server.connecttimeout": 2, "server.readtimeout": 2, **more}
    path.write_text(
        f"server.baseurl = {console.url}\nserver.username={USER}\nserver.password={TOKEN}\n"
        + "".join(f"{name}={value}\n" for name, value in lines.items()),
        "utf-8",
    )
    return folder / "home"


def under(console: Console, folder: Path, **environment: str) -> dict[str, str]:
    """Return the environment by which a tool finds the server."""
    return {"AUTOEXEC_HOME": str(home_of(console, folder)), "AUTOEXEC_TENANT": "demo", **environment}


def create(console: Console, folder: Path, *words: str, **environment: str) -> Ran:
    found = under(console, folder, AUTOEXEC_USER="ann", **environment)
    return run_on_runner("basic/createjob", *words, folder=folder, environment=found)


def wait(console: Console, folder: Path, *words: str) -> Ran:
    return run_on_runner(
        "basic/waitjob", "--interval", "0.05", *words, folder=folder, environment=under(console, folder)
    )


def in_turn(*words: str) -> Callable[[Request], Reply]:
    """Answer with one status after the other, the last one for good."""
    left = list(words)
    return lambda _: envelope({"status": left.pop(0) if len(left) > 1 else left[0], "statusName": "x"})


def test_a_job_is_created_once_and_then_started_again(console: Console, tmp_path: Path) -> None:
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": 880123456789012})
    words = ("--combopname", "roll out", "--jobname=release 7", "--roundcount", "3", "--scenario=full", "a=1=2", "b=")
    ran = create(console, tmp_path, *words)
    assert (ran.code, ran.outputs) == (0, {"createdJobId": "880123456789012"}), ran.log
    (asked,) = console.of(calls.JOB_CREATE)
    assert asked.body == {
        "combopName": "roll out",
        "name": "release 7",
        "source": "combop",
        "param": {"a": "1=2", "b": ""},
        "parentId": "1001",
        "scenarioName": "full",
        "roundCount": 3,
        "triggerType": "auto",
        "assignExecUser": "ann",
    }
    assert asked.headers["tenant"] == "demo"
    killed = create(console, tmp_path, *words)
    assert (killed.code, killed.outputs) == (0, ran.outputs), killed.log
    (tmp_path / "output-op/local-0-0/operation_1.json").unlink()
    (tmp_path / "output").mkdir()
    (tmp_path / "output/local-0-0.json").write_text(json.dumps({"operation_1": ran.outputs}), "utf-8")
    again = create(console, tmp_path, *words)
    assert (again.code, again.outputs) == (0, ran.outputs), again.log
    assert [request.body for request in console.of(calls.JOB_REFIRE)] == [
        {"jobId": "880123456789012", "type": "refireAll"}
    ] * 2
    assert len(console.of(calls.JOB_CREATE)) == 1


def test_another_operations_job_is_left_alone(console: Console, tmp_path: Path) -> None:
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": 2})
    (tmp_path / "output").mkdir()
    (tmp_path / "output/local-0-0.json").write_text('{"operation_2": {"createdJobId": "1"}}', "utf-8")
    ran = create(console, tmp_path, "--combopname", "x")
    assert (ran.outputs, console.of(calls.JOB_REFIRE)) == ({"createdJobId": "2"}, [])


def test_each_turn_of_a_loop_creates_its_own_job(console: Console, tmp_path: Path) -> None:
    numbers = iter("123")
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": next(numbers)})
    create(console, tmp_path, "--combopname", "x")
    (tmp_path / "output").mkdir()
    (tmp_path / "output/local-0-0.json").write_text('{"operation_1": {"createdJobId": "1"}}', "utf-8")
    second = str(tmp_path / "output-op/local-0-0/operation_1#2.json")
    for _ in range(2):
        create(console, tmp_path, "--combopname", "x", OUTPUT_PATH=second)
        assert json.loads(Path(second).read_text("utf-8")) == {"createdJobId": "2"}
    assert [request.body["jobId"] for request in console.of(calls.JOB_REFIRE)] == ["2"]


def test_nodes_and_user_of_the_new_job(console: Console, tmp_path: Path) -> None:
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": 1})
    words = ("--nodes", "192.0.2.1,192.0.2.2:22 192.0.2.3:8080/web", "--protocol=ssh", "--executeuser=app")
    assert create(console, tmp_path, "--combopname", "x", *words).code == 0
    assert console.of(calls.JOB_CREATE)[0].body["executeConfig"] == {
        "protocol": "ssh",
        "executeUser": {"mappingMode": "constant", "value": "app"},
        "executeNodeConfig": {
            "inputNodeList": [
                {"ip": "192.0.2.1"},
                {"ip": "192.0.2.2", "port": 22},
                {"ip": "192.0.2.3", "port": 8080, "name": "web"},
            ]
        },
        "whenToSpecify": "now",
    }


def test_the_jobs_user_signs_where_there_is_a_token(console: Console, tmp_path: Path) -> None:
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": 1})
    given = json.dumps({"EXECUSER_TOKEN": "tok"})
    ran = create(console, tmp_path, "--combopname", "x", PASSTHROUGH_ENV=given)
    # the test's server knows one user only: what counts is who asked
    assert (ran.code, console.requests[0].headers["x-access-key"]) == (1, "ann")
    assert "tok" not in ran.log
    console.problems.clear()


def test_a_creation_that_may_have_happened_is_not_tried_again(console: Console, tmp_path: Path) -> None:
    console.faults[calls.JOB_CREATE].append(refusal(503, "busy"))
    ran = create(console, tmp_path, "--combopname", "x")
    assert (ran.code, len(console.of(calls.JOB_CREATE))) == (1, 1)
    assert "look there whether the job was created" in ran.log


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), "combopname"),
        (("--combopname", "x", "nonsense"), "'nonsense' is no parameter"),
        (("--combopname", "x", "--nodes", "a:b"), "--nodes: 'a:b'"),
    ],
)
def test_a_wrong_call_asks_for_nothing(console: Console, tmp_path: Path, words: tuple[str, ...], shown: str) -> None:
    ran = create(console, tmp_path, *words)
    assert (ran.code, shown in ran.log, console.requests) == (2, True, []), ran.log


def test_a_refusal_and_an_empty_answer_are_told(console: Console, tmp_path: Path) -> None:
    console.faults[calls.JOB_CREATE].extend([refusal(520, "no composition x"), envelope({})])
    first, second = create(console, tmp_path, "--combopname", "x"), create(console, tmp_path, "--combopname", "x")
    assert (first.code, "no composition x" in first.log) == (1, True)
    assert (second.code, "does not say which job" in second.log) == (1, True)


def test_waiting_ends_with_the_last_job(console: Console, tmp_path: Path) -> None:
    states = {"7": in_turn("pending", "running", "running", "completed"), "8": in_turn("waiting", "checked")}
    console.answers[calls.JOB_STATE] = lambda request: states[request.body["jobId"]](request)
    ran = wait(console, tmp_path, "7,8", "7")
    assert ran.code == 0, ran.log
    assert ran.log.splitlines() == [
        "INFO: job 7 is pending",
        "INFO: job 8 is waiting",
        "INFO: job 7 is running",
        "FINE: job 8 is checked",
        "FINE: job 7 is completed",
    ]


@pytest.mark.parametrize("word", ["failed", "aborted", "paused", "revoked"])
def test_a_job_that_did_not_end_well(console: Console, tmp_path: Path, word: str) -> None:
    console.answers[calls.JOB_STATE] = in_turn(word)
    assert (wait(console, tmp_path, "7").code, wait(console, tmp_path, "--ignorefailed", "1", "7").code) == (1, 0)


def test_the_other_jobs_are_awaited_though_one_failed(console: Console, tmp_path: Path) -> None:
    states = {"7": in_turn("failed"), "8": in_turn("running", "succeed")}
    console.answers[calls.JOB_STATE] = lambda request: states[request.body["jobId"]](request)
    ran = wait(console, tmp_path, "7", "8")
    assert (ran.code, "job 8 is succeed" in ran.log) == (1, True)


def test_an_outage_ends_no_waiting(console: Console, tmp_path: Path) -> None:
    console.faults[calls.JOB_STATE].extend([refusal(503, "down")] * 3)
    console.answers[calls.JOB_STATE] = in_turn("succeed")
    ran = wait(console, tmp_path, "7")
    assert (ran.code, "WARN: control server" in ran.log) == (0, True), ran.log


def test_an_unknown_job_is_a_failed_one(console: Console, tmp_path: Path) -> None:
    console.answers[calls.JOB_STATE] = lambda _: refusal(520, "no job 7")
    ran = wait(console, tmp_path, "7")
    assert (ran.code, "no job 7" in ran.log) == (1, True)


@pytest.mark.parametrize("words", [(), ("--interval", "0", "7")])
def test_waiting_for_nothing_is_refused(console: Console, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert wait(console, tmp_path, *words).code == 2


@pytest.mark.parametrize("name", ["createjob", "waitjob"])
@pytest.mark.parametrize("given", [{}, {"AUTOEXEC_DEV_MODE": "1"}])
def test_without_a_control_server_they_refuse(
    console: Console, tmp_path: Path, name: str, given: dict[str, str]
) -> None:
    words = ("--combopname", "x", "a=b") if name == "createjob" else ("7",)
    found = under(console, tmp_path, **given) if given else {}
    ran = run_on_runner(f"basic/{name}", *words, folder=tmp_path, environment=found)
    assert (ran.code, f"basic/{name} needs a control server" in ran.log) == (1, True)
    assert console.requests == []


def test_a_job_creates_another_and_waits_for_it(console: Console, sshd: Sshd, tmp_path: Path) -> None:
    commands = Commands(tmp_path, sshd)
    home_of(console, tmp_path)
    console.answers[calls.JOB_CREATE] = lambda _: envelope({"jobId": 77})
    console.answers[calls.JOB_STATE] = in_turn("failed", "running", "completed")
    declared = {"createdJobId": {"type": "text", "defaultValue": ""}}
    chosen = {"opt": {"combopname": "roll"}, "arg": [{"type": "text", "value": "v=1"}], "output": declared}
    waiting = {"opt": {"interval": "0.05"}, "arg": [{"type": "text", "value": "${p.c_1.createdJobId}"}]}
    both = (
        tool("basic/createjob", "runner", opId="c_1", **chosen),
        tool("basic/waitjob", "runner", opId="w_1", **waiting),
    )
    console.params["7301"] = document("7301", group(0, phase("p", *both)), roundCount=1)
    console.nodes["job"] = node_list([])
    commands.autoexec("--jobid", "7301", "--firstfire", code=1)
    (log,) = commands.home.glob("data/job/**/log/p/local-0-0.txt")
    assert "job 77 is failed" in log.read_text("utf-8")
    commands.autoexec("--jobid", "7301")
    assert "job 77 is completed" in log.read_text("utf-8")
    # what succeeded is not run again, unless that is forced
    assert console.of(calls.JOB_REFIRE) == []
    commands.autoexec("--jobid", "7301", "--force")
    assert (len(console.of(calls.JOB_CREATE)), len(console.of(calls.JOB_REFIRE))) == (1, 1)

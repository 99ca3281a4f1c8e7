"""Looking into jobs: follow, outputs, retry, logs, list, in processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.commands import Commands
from tests.jobs import Document, document, group, local_nodes, operation, phase
from tests.sshd import Sshd

from pilothouse.cli.main import main

VERSION = (
    'v=1.2; [ "$NODE_NAME" = n3 ] && v=1.3; '
    """printf '{"version": "%s", "key": "s3cret-word"}' $v >$OUTPUT_PATH"""
)
DECLARED = {"version": {"type": "text"}, "key": {"type": "password"}}


@pytest.fixture
def commands(tmp_path: Path, sshd: Sshd) -> Commands:
    return Commands(tmp_path, sshd)


def talking(job_id: str, script: str = 'echo "hello from $NODE_NAME"') -> Document:
    return document(
        job_id,
        group(0, phase("here", operation("prep", "echo prepared", "runner"))),
        group(1, phase("there", operation("work", script, "target", output=DECLARED))),
        group(2, phase("after", operation("last", "echo last", "target"))),
    )


def gated(commands: Commands) -> str:
    """Return a script that waits until the file ``gate`` is there."""
    return f'echo before; while [ ! -e {commands.folder}/gate ]; do sleep 0.05; done; echo "after"'


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


def test_follow_shows_lines_while_they_come_and_ends_with_the_job(commands: Commands) -> None:
    words = commands.write(talking("60", gated(commands) + '; [ "$NODE_NAME" != n2 ]'), local_nodes(2))
    run = commands.start("pilothouse", "job", "run", *words)
    commands.await_text("60", "log/there/127.0.0.1-7001-5001.txt", "before")
    console = commands.start("pilothouse", "job", "follow", "60")
    one = commands.start("pilothouse", "job", "follow", "60", "n1")
    both = commands.start("pilothouse", "job", "follow", "60", "n[1-2]", "--json")
    assert both.stdout is not None
    assert "Launched" in both.stdout.readline()
    assert both.poll() is None
    commands.folder.joinpath("gate").touch()
    assert ended(run)[0] == 6
    code, said = ended(console)
    assert code == 6
    assert "Phase there begin" in said
    assert "Job 60 failed" in said
    code, said = ended(one)
    assert code == 6
    assert said.startswith("==> there n1\n")
    assert " after\n" in said
    code, said = ended(both)
    *lines, last = (json.loads(line) for line in said.splitlines())
    assert last == {"type": "JobEnded", "job_id": "60", "run": 1, "state": "failed", "code": 6}
    assert {(line["phase"], line["name"]) for line in lines} == {("there", "n1"), ("there", "n2")}
    assert [line["line"][9:] for line in lines if line["name"] == "n2"][-1].startswith("======[5002]")


def test_follow_of_a_paused_job_and_of_its_next_run(commands: Commands) -> None:
    words = commands.write(talking("61", gated(commands)), local_nodes(1))
    run = commands.start("pilothouse", "job", "run", *words)
    commands.await_text("61", "log/there/127.0.0.1-7001-5001.txt", "before")
    follower = commands.start("pilothouse", "job", "follow", "61")
    run.send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    commands.folder.joinpath("gate").touch()
    assert ended(run)[0] == 3
    code, said = ended(follower)
    assert code == 3
    assert "job 61: paused; to go on: pilothouse job retry 61" in said
    again = commands.pilothouse("job", "retry", "61").stdout
    assert "job 61 succeeded" in again
    said = commands.pilothouse("job", "follow", "61").stdout
    assert "Job 61 run 2 started" in said
    assert said.rstrip().rpartition("\n")[2].endswith("second.")
    assert "last" in commands.pilothouse("job", "follow", "61", "n1", "--phase", "after").stdout
    runner = commands.pilothouse("job", "follow", "61", "runner")
    assert runner.stdout == ""
    assert "no node here was at work in run 2" in runner.stderr


def test_follow_survives_a_run_that_takes_over(commands: Commands) -> None:
    """A follower that sees the next run begin goes on with the new log."""
    words = commands.write(talking("62", gated(commands)), local_nodes(1))
    run = commands.start("pilothouse", "job", "run", *words)
    commands.await_text("62", "log/there/127.0.0.1-7001-5001.txt", "before")
    run.kill()
    run.communicate()
    code, said = ended(commands.start("pilothouse", "job", "follow", "62"))
    assert code == 3
    assert "job 62: interrupted" in said
    shown = commands.pilothouse("job", "show", "62").stdout
    assert "1 interrupted" in shown
    assert "running" not in shown
    again = commands.start("pilothouse", "job", "retry", "62")
    commands.await_text("62", "log/console.txt", "run 2")
    follower = commands.start("pilothouse", "job", "follow", "62", "n1")
    commands.folder.joinpath("gate").touch()
    assert ended(again)[0] == 0
    code, said = ended(follower)
    assert code == 0
    assert " after\n" in said


def test_ctrl_c_ends_following_and_not_the_job(commands: Commands) -> None:
    words = commands.write(talking("63", gated(commands)), local_nodes(1))
    run = commands.start("pilothouse", "job", "run", *words)
    commands.await_text("63", "log/there/127.0.0.1-7001-5001.txt", "before")
    follower = commands.start("pilothouse", "job", "follow", "63")
    assert follower.stdout is not None
    follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    code, said = ended(follower)
    assert code == 3
    assert "no longer following job 63; it goes on" in said
    assert "Traceback" not in said
    commands.folder.joinpath("gate").touch()
    assert ended(run)[0] == 0


def test_outputs_are_folded_and_secrets_masked(commands: Commands) -> None:
    words = commands.write(talking("64", f'echo "hello from $NODE_NAME"; {VERSION}'), local_nodes(4))
    commands.pilothouse("job", "run", *words)
    said = commands.pilothouse("job", "outputs", "64").stdout
    assert "there / work_1  3 of 4 nodes agree, 1 differs in 1 way\n3 nodes: n[1-2,4]\n" in said
    assert "-version = 1.2\n  +version = 1.3" in said
    assert "s3cret-word" not in said
    assert "key = ******" in said
    [part] = json.loads(commands.pilothouse("job", "outputs", "64", "--json", "--op", "work").stdout)
    assert [(fold["count"], fold["nodes"], fold["outputs"]["version"]) for fold in part["folds"]] == [
        (3, ["n1", "n2", "n4"], "1.2"),
        (1, ["n3"], "1.3"),
    ]
    one = commands.pilothouse("job", "outputs", "64", "n3", "--op", "work_1").stdout
    assert one == "there / work_1  1 node\n1 node: n3\n  version = 1.3\n  key = ******\n"
    for call in (("outputs", "64", "--lines"), ("logs", "64", "--fold", "--phase", "there")):
        said = commands.pilothouse("job", *call).stdout
        assert "there / work_1  4 nodes, the same\n4 nodes: n[1-4]\n  hello from <node>\n" in said
    assert "no operation 'nope'" in commands.pilothouse("job", "outputs", "64", "--op", "nope", code=2).stderr
    assert "nothing" not in commands.pilothouse("job", "outputs", "64", "--phase", "here").stdout


def test_each_turn_of_a_loop_has_outputs_of_its_own(commands: Commands) -> None:
    script = 'echo "turn $1 on $NODE_NAME"; printf \'{"x": "%s"}\' "$1" >$OUTPUT_PATH'
    inner = operation(
        "work", script, "target", output={"x": {"type": "text"}}, arg=[{"type": "text", "value": "${item}"}]
    )
    loop = {"opId": "loop_1", "opName": "native/LOOP-Block", "opType": "native", "loopItems": '["a", "b"]'}
    there = phase("there", {**loop, "loopItemVar": "item", "operations": [inner]})
    commands.pilothouse("job", "run", *commands.write(document("74", group(0, there)), local_nodes(2)))
    parts = json.loads(commands.pilothouse("job", "outputs", "74", "--op", "work", "--json").stdout)
    assert [(part["operation"], part["folds"][0]["count"], part["folds"][0]["outputs"]) for part in parts] == [
        ("work_1#0", 2, {"x": "a"}),
        ("work_1#1", 2, {"x": "b"}),
    ]
    said = commands.pilothouse("job", "outputs", "74", "--lines", "--op", "work").stdout
    assert "there / work_1#1  2 nodes, the same\n2 nodes: n[1-2]\n  turn b on <node>\n" in said


def test_retry_runs_what_failed_and_what_was_never_reached(commands: Commands) -> None:
    script = f'echo "ran $NODE_NAME"; [ "$NODE_NAME" != n2 ] || [ -e {commands.folder}/gate ]'
    words = commands.write(talking("65", script), local_nodes(3))
    commands.pilothouse("job", "run", *words, "--user", "maria", "--node", "5001", "--node", "5002", code=6)
    shown = commands.pilothouse("job", "show", "65").stdout
    assert re.search(r"there +failed .*1 ok, 1 failed$", shown, re.MULTILINE)
    assert re.search(r"after +pending +2 never reached$", shown, re.MULTILINE)
    assert json.loads(commands.pilothouse("job", "show", "65", "--json").stdout)["unreached"] == {"after": 2}
    commands.params.unlink()
    commands.nodes.unlink()
    assert "6 " in f"{commands.pilothouse('job', 'retry', '65', code=6).returncode} "
    commands.folder.joinpath("gate").touch()
    only = commands.pilothouse("job", "retry", "65", "--failed-only").stdout
    assert "phase there" in only
    assert "phase after" not in only
    assert commands.pilothouse("job", "retry", "65", "--failed-only").stdout.startswith("no node of job 65 has failed")
    none = commands.pilothouse("job", "retry", "65", "--failed-only", "--json").stdout
    assert json.loads(none) == {"job_id": "65", "failed": 0}
    rest = commands.pilothouse("job", "retry", "65").stdout
    assert "phase after succeeded: 2 ok" in rest
    shown = json.loads(commands.pilothouse("job", "show", "65", "--json").stdout)
    assert {run["user"] for run in shown["runs"]} == {"maria"}
    assert {(row["phase"], row["key"]) for row in shown["nodes"] if row["phase"] != "here"} == {
        (name, f"127.0.0.1-700{number}-500{number}") for name in ("there", "after") for number in (1, 2)
    }


def test_retry_keeps_the_options_of_the_run(commands: Commands, sshd: Sshd) -> None:
    keys = {name: commands.environment.pop(name) for name in ("PILOTHOUSE_KNOWN_HOSTS", "PILOTHOUSE_IDENTITIES")}
    doc = document("66", group(0, phase("there", operation("work", f"[ -e {commands.folder}/gate ]"))))
    reach = {"host": "127.0.0.1", "protocol": "ssh", "protocolPort": sshd.port, "username": sshd.user}
    words = commands.write(doc, [{"resourceId": 1, **reach}])
    options = ("--known-hosts", keys["PILOTHOUSE_KNOWN_HOSTS"], "--identity", keys["PILOTHOUSE_IDENTITIES"])
    commands.pilothouse("job", "run", *words, *options, code=4)
    commands.folder.joinpath("gate").touch()
    assert "job 66 succeeded" in commands.pilothouse("job", "retry", "66").stdout


def test_a_job_of_autoexec_can_be_retried(commands: Commands) -> None:
    words = commands.write(talking("73", f"[ -e {commands.folder}/gate ]"), local_nodes(1))
    params, _, nodes = words
    call = ("--devmode", "--jobid", "73", "--firstfire", "--execuser", "maria", "--phases", "there")
    commands.autoexec(*call, "--paramsfile", params, "--nodesfile", nodes, code=1)
    commands.folder.joinpath("gate").touch()
    data = ("--data", str(commands.home / "data"))
    assert "phase after" not in commands.pilothouse("job", "retry", "73", *data).stdout
    shown = json.loads(commands.pilothouse("job", "show", "73", *data, "--json").stdout)
    assert [run["user"] for run in shown["runs"]] == ["maria", "maria"]
    assert [row["phase"] for row in shown["phases"]] == ["there"]


def test_a_running_job_is_neither_retried_nor_run_nor_overwritten(commands: Commands) -> None:
    words = commands.write(talking("67", gated(commands)), local_nodes(1))
    run = commands.start("pilothouse", "job", "run", *words)
    commands.await_text("67", "log/there/127.0.0.1-7001-5001.txt", "before")
    assert "is being run by engine process" in commands.pilothouse("job", "retry", "67", code=7).stderr
    commands.write(talking("67", "echo other"), local_nodes(1))
    commands.pilothouse("job", "run", *words, code=7)
    assert "other" not in (commands.data / "job" / "67" / "params.json").read_text("utf-8")
    commands.folder.joinpath("gate").touch()
    assert ended(run)[0] == 0


def test_logs_of_several_nodes_their_ends_and_histories(commands: Commands) -> None:
    words = commands.write(talking("68", "seq 100; exit 1"), local_nodes(2))
    commands.pilothouse("job", "run", *words, code=6)
    commands.pilothouse("job", "retry", "68", code=6)
    said = commands.pilothouse("job", "logs", "68", "--tail", "2", "n1", "5002").stdout
    assert [line for line in said.splitlines() if line.startswith("==>")] == [
        "==> there n1 (127.0.0.1-7001-5001): failed",
        "==> there n2 (127.0.0.1-7002-5002): failed",
    ]
    assert len(said.splitlines()) == 2 + 1 + 2 * 2
    assert " 100\n" in commands.pilothouse("job", "logs", "68", "n1", "--phase", "there").stdout
    listed = commands.pilothouse("job", "logs", "68", "n1", "--history").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [str(number) for number in range(1, len(listed) + 1)]
    assert all(" failed " in line and line.endswith("there  n1") for line in listed)
    first = commands.pilothouse("job", "logs", "68", "n1", "--history", "1", "--tail", "1").stdout
    assert "Ended in status:failed" in first
    entries = json.loads(commands.pilothouse("job", "logs", "68", "--history", "--json").stdout)
    assert {(entry["phase"], entry["user"] != "") for entry in entries} == {("", True)}
    assert all(entry["started"] <= entry["ended"] < entry["started"] + 600 for entry in entries)
    assert "no history 9" in commands.pilothouse("job", "logs", "68", "n1", "--history", "9", code=2).stderr
    assert "no phase 'x'" in commands.pilothouse("job", "logs", "68", "--phase", "x", code=2).stderr
    [one, two] = json.loads(commands.pilothouse("job", "logs", "68", "--phase", "there", "--json").stdout)
    assert (one["name"], two["name"]) == ("n1", "n2")
    assert one["lines"][-2].startswith(one["lines"][-2][:8])
    followed = commands.pilothouse("job", "logs", "68", "n1", "--follow", "--tail", "1", code=6).stdout
    assert len(followed.splitlines()) == 2


def test_list_can_be_narrowed(commands: Commands) -> None:
    for job_id, script in (("701", "exit 0"), ("702", "exit 1"), ("703", "exit 0")):
        doc = document(job_id, group(0, phase("here", operation("prep", script, "runner"))))
        commands.pilothouse("job", "run", *commands.write(doc, local_nodes(1)), code=0 if script == "exit 0" else 4)

    def ids(*words: str) -> list[str]:
        return [row["job_id"] for row in json.loads(commands.pilothouse("job", "list", "--json", *words).stdout)]

    assert ids() == ["703", "702", "701"]
    assert ids("--state", "failed") == ["702"]
    assert ids("--state", "failed", "--state", "succeeded", "--limit", "2") == ["703", "702"]
    assert ids("--since", "1h") == ["703", "702", "701"]
    assert ids("--since", "2999-01-01") == []
    commands.data.joinpath("job", "701", "journal.db").write_bytes(b"no database at all, just some text")
    said = commands.pilothouse("job", "list").stdout.splitlines()
    assert said[0].split() == ["job", "state", "started", "took", "runs", "by"]
    assert said[-1].split()[:2] == ["701", "unreadable"]
    assert "--since 'x' is no time" in commands.pilothouse("job", "list", "--since", "x", code=2).stderr
    assert "cannot be read" in commands.pilothouse("job", "show", "701", code=4).stderr


def test_unknown_jobs_and_nodes_are_named(commands: Commands) -> None:
    words = commands.write(talking("69"), local_nodes(12))
    commands.pilothouse("job", "run", *words)
    for command in ("follow", "outputs", "retry", "logs"):
        assert "job 999 has no run" in commands.pilothouse("job", command, "999", code=2).stderr
    for command in ("follow", "outputs", "logs"):
        said = commands.pilothouse("job", command, "69", "n99", code=2).stderr
        assert "this job has no node 'n99'" in said
    assert "did you mean" in commands.pilothouse("job", "logs", "69", "n1x", code=2).stderr


def test_a_reader_that_leaves_is_no_error(commands: Commands) -> None:
    words = commands.write(talking("71", "seq 200000"), local_nodes(1))
    commands.pilothouse("job", "run", *words)
    for command in ("logs 71 n1", "follow 71 n1", "follow 71 n1 --json", "outputs 71 --lines"):
        line = f"{sys.executable} -X dev -W error -m pilothouse.cli.main job {command} | head -n 1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            env=commands.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), command


def test_every_command_has_an_example(commands: Commands) -> None:
    for command in ("check", "run", "retry", "list", "show", "follow", "logs", "outputs", "answer", "pause", "abort"):
        said = commands.pilothouse("job", command, "--help").stdout
        assert f"  pilothouse job {command} " in said.partition("example")[2], command


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
def test_a_data_folder_that_cannot_be_read(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/")
    commands.pilothouse("job", "run", *commands.write(talking("72"), local_nodes(1)))
    commands.data.chmod(0o700)
    for words in (["list"], ["show", "72"], ["follow", "72"]):
        call = ["job", *words, "--data", str(commands.data)]
        assert main(call) == 0
        os.seteuid(65534)
        try:
            assert main(call) == 2
        finally:
            os.seteuid(0)
        assert "cannot be read: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("logs", "70", "n1"), ("follow", "70", "n1"), ("logs", "70", "n1", "--tail", "9")])
def test_a_machine_cannot_steer_the_terminal_of_who_reads_its_log(commands: Commands, words: tuple[str, ...]) -> None:
    script = r"printf 'one\033]0;title\007two\033[2Jthree\n'"
    doc = document("70", group(0, phase("p", operation("x", script))))
    commands.pilothouse("job", "run", *commands.write(doc, local_nodes(1)))
    assert "\x1b[2J" in commands.pilothouse("job", *words).stdout
    said = commands.on_terminal("job", *words)
    assert "onetwothree\r\n" in said
    assert "\x1b]" not in said
    assert "\x1b[2J" not in said

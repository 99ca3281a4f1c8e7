"""``pilothouse job`` as a person and a script use it, in processes of its own, against a real sshd."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.blocks import when
from tests.commands import Commands
from tests.jobs import Document, document, group, local_nodes, operation, phase, ssh_nodes
from tests.machine import nap, running, until
from tests.sshd import Sshd

from pilothouse.errors import ExitCode


@pytest.fixture
def commands(tmp_path: Path, sshd: Sshd) -> Commands:
    return Commands(tmp_path, sshd)


def two_phases(job_id: str, script: str = 'echo "on $NODE_NAME"') -> Document:
    return document(
        job_id,
        group(0, phase("here", operation("prep", "echo prepared", "runner"))),
        group(1, phase("there", operation("work", script)), execStrategy="grayScale", roundCount=2),
    )


def test_check_prints_the_plan_and_starts_nothing(commands: Commands, sshd: Sshd) -> None:
    job = commands.write(two_phases("41"), ssh_nodes(sshd, 3))
    said = commands.pilothouse("job", "check", *job)
    assert "round 1/2: web-[1-2], 2 at a time" in said.stdout
    assert not commands.data.exists()
    plan = json.loads(commands.pilothouse("job", "check", *job, "--json").stdout)
    assert [len(step["nodes"]) for step in plan["groups"][1]["lanes"][0]["steps"]] == [2, 1]


def test_run_show_and_logs(commands: Commands, sshd: Sshd) -> None:
    job = commands.write(two_phases("42"), ssh_nodes(sshd, 3))
    said = commands.pilothouse("job", "run", *job)
    assert "job 42 succeeded" in said.stdout
    assert "\x1b" not in said.stdout
    assert "on web-2" in commands.pilothouse("job", "logs", "42", "6002").stdout
    assert re.search(r"there +succeeded +[0-9.]+ s  3 ok", commands.pilothouse("job", "show", "42").stdout)
    shown = json.loads(commands.pilothouse("job", "show", "42", "--json").stdout)
    assert [run["state"] for run in shown["runs"]] == ["succeeded"]
    listed = json.loads(commands.pilothouse("job", "list", "--json").stdout)
    assert [(row["job_id"], row["state"]) for row in listed] == [("42", "succeeded")]


def test_json_events_are_one_object_a_line(commands: Commands, sshd: Sshd) -> None:
    job = commands.write(two_phases("43"), [{**node, "password": "Hidden.word2"} for node in ssh_nodes(sshd, 2)])
    said = commands.pilothouse("job", "run", *job, "--json").stdout
    kinds = [json.loads(line)["type"] for line in said.splitlines()]
    assert (kinds[0], kinds[-1]) == ("JobStarted", "JobEnded")
    assert "Hidden.word2" not in said


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 1", 4), ('[ "$NODE_NAME" = web-1 ]', 6)],
)
def test_exit_codes_tell_success_failure_and_partial_failure(
    commands: Commands, sshd: Sshd, script: str, code: int
) -> None:
    doc = document("44", group(0, phase("p", operation("x", script))))
    assert commands.pilothouse("job", "run", *commands.write(doc, ssh_nodes(sshd, 2)), code=code)


async def test_term_aborts_with_proof_and_code_5(commands: Commands, sshd: Sshd) -> None:
    command = nap()
    job = commands.write(document("45", group(0, phase("p", operation("x", command)))), ssh_nodes(sshd, 2))
    process = commands.start("pilothouse", "job", "run", *job)
    await until(lambda: len(running(command)) == 2)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert running(command) == []
    assert "killed" in commands.pilothouse("job", "show", "45").stdout


def test_abort_from_another_terminal_and_again_when_it_is_gone(commands: Commands, sshd: Sshd) -> None:
    job = commands.write(document("46", group(0, phase("p", operation("x", nap())))), ssh_nodes(sshd, 1))
    process = commands.start("pilothouse", "job", "run", *job)
    commands.await_text("46", "log/console.txt", "begin.")
    assert "aborted" in commands.pilothouse("job", "abort", "46").stdout
    process.communicate(timeout=30)
    assert process.returncode == 5
    assert "not running" in commands.pilothouse("job", "abort", "46", code=7).stderr


@pytest.mark.parametrize(
    ("params", "nodes", "expected"),
    [
        ("{", None, "line 1, column 2"),
        ("[]", None, "$: []"),
        ('{"runFlow": [{"groupNo": "x", "phases": []}]}', None, "$.runFlow[0].groupNo"),
        (None, "", "no node"),
        (None, '{"resourceId": 1}', "line 1.host: missing"),
        (None, '{"resourceId": 1, "host": "a"}\n{"resourceId": 1, "host": "b"}', "again"),
        (None, '{"resourceId": 1, "host": "a", "protocol": "carrier-pigeon"}', "carrier-pigeon"),
    ],
)
def test_bad_documents_are_refused_with_place_and_code_2(
    commands: Commands, sshd: Sshd, params: str | None, nodes: str | None, expected: str
) -> None:
    job = commands.write(two_phases("47"), ssh_nodes(sshd, 1))
    if params is not None:
        commands.params.write_text(params, "utf-8")
    if nodes is not None:
        commands.nodes.write_text(nodes, "utf-8")
    said = commands.pilothouse("job", "run", *job, code=2)
    assert expected in said.stderr
    assert "Traceback" not in said.stderr
    assert not commands.data.exists()


def test_a_changed_host_key_fails_the_node_and_says_what_to_do(commands: Commands, sshd: Sshd) -> None:
    known = commands.folder / "known_hosts"
    other = commands.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    known.write_text(f"[127.0.0.1]:{sshd.port} {other.with_suffix('.pub').read_text('utf-8')}", "utf-8")
    job = commands.write(document("48", group(0, phase("p", operation("x", "true")))), ssh_nodes(sshd, 1))
    said = commands.pilothouse("job", "run", *job, "--known-hosts", str(known), code=4)
    assert "ssh-keygen -R" in said.stdout


def test_unknown_jobs_nodes_and_commands_are_usage_errors(commands: Commands, sshd: Sshd) -> None:
    assert "no run directory" in commands.pilothouse("job", "show", "999", code=2).stderr
    assert "allowed" in commands.pilothouse("job", "show", "../etc", code=2).stderr
    commands.pilothouse("job", "nonsense", code=2)
    commands.pilothouse("job", "run", *commands.write(two_phases("49"), ssh_nodes(sshd, 1)))
    assert "no node 'web-9'" in commands.pilothouse("job", "logs", "49", "web-9", code=2).stderr


def test_the_demo_serves_ssh_itself_where_no_sshd_is_installed(commands: Commands) -> None:
    said = commands.pilothouse("demo", "--data", str(commands.folder / "demo"), "--embedded", timeout=60)
    assert "asyncssh's embedded server" in said.stdout
    assert "624490098515988 succeeded" in said.stdout


def test_check_refuses_a_condition_that_no_run_could_read(commands: Commands) -> None:
    block = when("x", "$NODE_NAME == ", [operation("work", "true")])
    job = commands.write(document("16", group(0, phase("there", block))), local_nodes(1))
    said = commands.pilothouse("job", "check", *job, code=ExitCode.USAGE)
    assert "$.runFlow[0].phases[0].operations[0].condition: '$NODE_NAME == ' at column 15: the end" in said.stderr


def test_an_old_server_brings_no_warning_of_a_library(tmp_path: Path, make_sshd: Callable[..., Sshd]) -> None:
    old = make_sshd(KexAlgorithms="diffie-hellman-group14-sha256")
    commands = Commands(tmp_path, old)
    # an interpreter that makes errors of warnings would fail the node
    said = commands.pilothouse("job", "run", *commands.write(two_phases("17"), ssh_nodes(old, 1)))
    assert "deprecated" not in said.stdout + said.stderr


def test_the_next_command_is_told_as_this_one_was_called(commands: Commands, sshd: Sshd) -> None:
    called = commands.folder / "bin" / "pilothouse"
    called.parent.mkdir()
    called.write_text(f"#!{sys.executable}\nfrom pilothouse.cli.main import main\nraise SystemExit(main())\n")
    called.chmod(0o755)
    job = commands.write(two_phases("18"), ssh_nodes(sshd, 1))
    for words, told in ((("run", *job), "job show 18"), (("show", "18"), "job outputs 18")):
        said = subprocess.run(
            ["bin/pilothouse", "job", *words],
            env=commands.environment,
            cwd=commands.folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert f"  bin/pilothouse {told}\n" in said.stdout

"""The files each peer is given, and how its answer is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.peers import ansible, libraries, loops, ours, pyinfra, registered
from benchmarks.peers.contract import Task, base_environ
from benchmarks.scenarios import MARK, SCENARIOS, UPLOAD
from benchmarks.startup import commands
from benchmarks.table import BARE, FLOOR, OURS
from benchmarks.targets import Targets


def task(folder: Path, scenario: str) -> Task:
    script = folder / "script.sh"
    script.write_text("echo hello\n")
    targets = Targets(
        hosts=("127.0.1.1", "127.0.1.2", "127.0.1.3"),
        port=2400,
        user="someone",
        key=folder / "user_key",
        script=script,
        ssh_config=folder / "ssh_config",
        scratch=folder / "tmp",
    )
    return Task(
        scenario=SCENARIOS[scenario],
        targets=targets,
        hosts=targets.hosts[:2],
        concurrency=7,
        folder=folder,
        limit=60.0,
    )


def test_the_peers_that_ratios_need_are_registered() -> None:
    names = list(registered(Path("pilothouse")))
    assert {FLOOR, OURS} <= set(names)
    assert [peer.name for peer in registered(Path("pilothouse")).values()] == names


def test_peers_get_none_of_the_callers_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "x")
    monkeypatch.setenv("HOME", "/elsewhere")
    environ = base_environ(task(tmp_path, "w1"))
    assert "SSH_AUTH_SOCK" not in environ
    assert environ["HOME"] == str(tmp_path)


def test_our_job_document_and_node_file(tmp_path: Path) -> None:
    order = ours.Ours(Path("/x/pilothouse")).order(task(tmp_path, "w2"))
    document = json.loads((tmp_path / "params.json").read_text())
    (operation,) = document["runFlow"][0]["phases"][0]["operations"]
    assert operation["scriptContent"] == "echo hello\n"
    nodes = [json.loads(line) for line in (tmp_path / "nodes.json").read_text().splitlines()]
    assert [node["host"] for node in nodes] == ["127.0.1.1", "127.0.1.2"]
    assert [node["resourceId"] for node in nodes] == [1, 2]
    assert {node["protocolPort"] for node in nodes} == {2400}
    assert order.argv[:3] == ("/x/pilothouse", "job", "run")
    assert order.environ["PILOTHOUSE_CONCURRENCY"] == "7"


def test_our_job_of_one_command(tmp_path: Path) -> None:
    ours.Ours(Path("/x/pilothouse")).order(task(tmp_path, "w1"))
    assert '"scriptContent": "true\\n"' in (tmp_path / "params.json").read_text()


def test_every_peer_does_four_operations(tmp_path: Path) -> None:
    given = task(tmp_path, "w4")
    ours.Ours(Path("/x/pilothouse"), "general").order(given)
    phase = json.loads((tmp_path / "params.json").read_text())["runFlow"][0]["phases"][0]
    assert len({operation["opId"] for operation in phase["operations"]}) == 4
    assert ansible.playbook(given).count("command: 'true'") == 4
    order = ansible.SHIPPED.order(given)
    order.stdout.write_text(
        "127.0.1.1 : ok=4 changed=4 unreachable=0 failed=0\n127.0.1.2 : ok=3 unreachable=0 failed=1\n"
    )
    assert ansible.SHIPPED.succeeded(given, order) == 1
    assert "range(4)" in pyinfra.deploy(given)
    for peer in (libraries.ParallelSsh(), libraries.Paramiko()):
        assert peer.order(given).argv[-2:] == ("4", "true")


def test_our_success_is_read_from_status_and_log_files(tmp_path: Path) -> None:
    for host, status, lines in (
        ("127.0.1.1", "succeed", 2),
        ("127.0.1.10", "succeed", 1),
        ("127.0.1.2", "failed", 2),
    ):
        write_outcome(tmp_path, host, status, lines)
    assert ours.kept(tmp_path, "127.0.1.1", 2)
    assert not ours.kept(tmp_path, "127.0.1.10", 2)
    assert not ours.kept(tmp_path, "127.0.1.2", 2)
    assert not ours.kept(tmp_path, "127.0.1.3", 2)


def write_outcome(data: Path, host: str, status: str, lines: int) -> None:
    job = data / "job" / "000" / "000" / "001"
    for kind, suffix, text in (
        ("status", "json", json.dumps({"status": status})),
        ("log", "txt", f"10:00:00 line {MARK}\n" * lines),
    ):
        path = job / kind / "bench" / f"{host}--1.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_loops_are_called_alike(tmp_path: Path) -> None:
    words = loops.arguments(task(tmp_path, "w2"))
    assert (tmp_path / "hosts").read_text() == "127.0.1.1\n127.0.1.2\n"
    assert words[1:4] == ["7", "2400", "someone"]
    assert words[5:] == ["100", "1", UPLOAD, str(tmp_path / "script.sh")]
    assert loops.arguments(task(tmp_path, "w1"))[5:] == ["0", "1", "true"]
    assert loops.arguments(task(tmp_path, "w4"))[5:] == ["0", "4", "true"]


@pytest.mark.parametrize(
    ("output", "good"),
    [('{"ok": 9, "fail": 1}\n', 9), ("noise\n{" + '"ok": 10, "fail": 0}', 10), ("", 0), ("Traceback", 0)],
)
def test_a_driver_is_believed_by_its_last_line(output: str, good: int) -> None:
    assert loops.counted(output) == good


def test_pyinfra_hosts_count_when_every_operation_succeeded() -> None:
    report = (
        "    \x1b[1m[127.0.1.1]\x1b[0m  \x1b[32mSuccess\x1b[0m\n    [127.0.1.10] Success\n    [127.0.1.2]  Error\n"
        "    [127.0.1.1]  Success\n"
    )
    assert pyinfra.finished(report, 2) == 1
    assert pyinfra.finished(report, 1) == 1


def test_pyinfra_files_are_python(tmp_path: Path) -> None:
    for scenario in ("w1", "w2"):
        given = task(tmp_path, scenario)
        compile(pyinfra.deploy(given), "deploy.py", "exec")
        found: dict[str, Any] = {}
        exec(pyinfra.inventory(given), found)
        assert found["targets"] == [("127.0.1.1", found["data"]), ("127.0.1.2", found["data"])]
    assert "!= 100" in pyinfra.deploy(task(tmp_path, "w2"))


def test_ansible_counts_the_lines_in_the_one_task(tmp_path: Path) -> None:
    text = ansible.playbook(task(tmp_path, "w2"))
    assert "stdout_lines | length != 100" in text
    assert "script.sh" in text
    assert "command: 'true'" in ansible.playbook(task(tmp_path, "w1"))


def test_ansible_success_is_read_from_the_recap(tmp_path: Path) -> None:
    order = ansible.SHIPPED.order(task(tmp_path, "w1"))
    order.stdout.write_text(
        "127.0.1.1   : ok=1    changed=1    unreachable=0    failed=0    skipped=0\n"
        "127.0.1.2   : ok=0    changed=0    unreachable=1    failed=0    skipped=0\n"
    )
    assert ansible.SHIPPED.succeeded(task(tmp_path, "w1"), order) == 1


def test_only_one_ansible_gets_the_cheap_key_exchange(tmp_path: Path) -> None:
    cheap = ansible.CHEAP.order(task(tmp_path, "w1")).environ["ANSIBLE_SSH_ARGS"]
    shipped = ansible.SHIPPED.order(task(tmp_path, "w1")).environ["ANSIBLE_SSH_ARGS"]
    assert cheap == f"{shipped} -o KexAlgorithms=curve25519-sha256"


def test_start_up_is_compared_with_the_same_python(tmp_path: Path) -> None:
    (tmp_path / "python").touch()
    found = commands(tmp_path / "pilothouse")
    assert found[BARE] == (str(tmp_path / "python"), "-c", "pass")
    assert found["autoexec --help"] == (str(tmp_path / "autoexec"), "--help")

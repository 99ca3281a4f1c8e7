"""Jobs over Tagent and the daemon, as a person starts them."""

import re
import signal
from pathlib import Path

import pytest
from tests.commands import Commands
from tests.jobs import Document, document, group, operation, phase
from tests.machine import nap, running, until
from tests.sshd import Sshd
from tests.tagentd import CREDENTIAL, Tagentd


@pytest.fixture
def commands(tmp_path: Path, sshd: Sshd) -> Commands:
    return Commands(tmp_path, sshd)


def nodes(tagentd: Tagentd, count: int) -> list[Document]:
    # the service port is one where nothing listens: whatever is sent there would fail (D13)
    reach = {"host": "127.0.0.1", "protocol": "tagent", "protocolPort": tagentd.port, "password": CREDENTIAL}
    return [{"resourceId": 8000 + n, "port": n, "nodeName": f"t-{n}", **reach} for n in range(1, count + 1)]


def test_a_job_runs_and_is_looked_into(commands: Commands, tagentd: Tagentd) -> None:
    """Check 78."""
    job = commands.write(
        document("178", group(0, phase("p", operation("say", 'echo "on $NODE_NAME"')))), nodes(tagentd, 3)
    )
    assert "cannot be used" not in commands.pilothouse("job", "check", *job).stdout
    assert "job 178 succeeded" in commands.pilothouse("job", "run", *job).stdout
    said = commands.pilothouse("job", "logs", "178", "8002").stdout
    assert "on t-2" in said
    assert CREDENTIAL not in said


async def test_term_aborts_with_proof(commands: Commands, tagentd: Tagentd) -> None:
    """D13."""
    command = nap()
    job = commands.write(
        document("179", group(0, phase("p", operation("wait", f"echo up; {command}")))), nodes(tagentd, 2)
    )
    process = commands.start("pilothouse", "job", "run", *job)
    try:
        await until(lambda: len(running(command)) == 2)
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 5, said
    assert running(command) == []
    shown = commands.pilothouse("job", "show", "179").stdout
    assert re.search(r"p +aborted", shown), shown


def test_the_daemon_refuses_what_it_cannot_serve(commands: Commands, tmp_path: Path) -> None:
    missing = commands.pilothouse("tagent", "--credential-file", str(tmp_path / "none"), code=4)
    assert "No such file" in missing.stderr
    file = tmp_path / "credential"
    file.write_text("\n")
    file.chmod(0o600)
    assert "no credential" in commands.pilothouse("tagent", "--credential-file", str(file), code=4).stderr
    wrong = commands.pilothouse("tagent", "--listen", "3939", "--credential-file", str(file), code=2)
    assert "give an address and a port" in wrong.stderr

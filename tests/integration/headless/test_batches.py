"""The client against the real server: what a crontab line sees (headless, checks of groups B, D, E and F)."""

import asyncio
import re
import shlex
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.headlesscall import CLIENT, Answer, begin, call, call_on_terminal, environment, finish
from tests.headlessserver import SECRETS, Server, serving

from pilothouse.clock import SystemClock
from pilothouse.headless.kdf import make_secret
from pilothouse.headless.server import credentials
from pilothouse.store import headless_accounts


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


def said(answer: Answer) -> list[str]:
    return [line.split(" ", 2)[2] for line in answer.out.splitlines() if line.startswith("INFO ")]


def sid_of(answer: Answer) -> str:
    found = re.search(r"session (\w{26}) accepted", answer.out)
    assert found, answer
    return found[1]


async def shown(process: asyncio.subprocess.Process, mark: bytes) -> bytes:
    """Return what the client prints up to the line with ``mark``."""
    assert process.stdout
    found = b""
    while mark not in found:
        line = await process.stdout.readline()
        assert line, found
        found += line
    return found


async def test_check_13_the_first_use_of_a_secret_file(server: Server) -> None:
    words = ["-s", f"127.0.0.1:{server.port}", "-u", "R41", "-p", "new", "-t", "-1", "-m", "OK1"]
    wrong, _ = await call_on_terminal(words, server.folder, "guess")
    assert wrong == Answer(1, "", "")
    assert not (server.folder / "new").exists()
    answer, shown = await call_on_terminal(words, server.folder, "geheim")
    assert answer == Answer(0, "", "")
    assert "geheim" not in shown
    assert (server.folder / "new").read_text().splitlines()[-1] == SECRETS["R41"]
    assert await call(words, server.folder) == Answer(0, "", "")


async def test_check_21_a_secret_of_the_original_client(server: Server) -> None:
    legacy = make_secret("geheim", "$2a$10$abcdefghijklmnopqrstuu", "none")
    made = credentials.from_secret("R41", "", legacy, SystemClock().time())
    await server.write(lambda c: headless_accounts.put_credential(c, made))
    path = server.folder / "old"
    path.touch(mode=0o600)
    path.write_text(legacy)
    words = ["-s", f"127.0.0.1:{server.port}", "-u", "R41", "-p", "old", "-t", "-1", "-m", "OK1"]
    assert await call(words, server.folder) == Answer(0, "", "")


async def test_checks_12_and_33_jobs_in_order_with_their_output(server: Server) -> None:
    path = server.folder / "jobs" / "a.py"
    path.write_text("print('from a file')")
    path.chmod(0o644)
    snippet = 'import planta_job; planta_job.result({"a":1}); print("ä€")'
    answer = await server.call("-t", "-1", "-v", "-c", snippet, "-m", "OK1", "-f", "a.py", "-c", "-1")
    assert (answer.code, answer.err) == (0, "")
    lines = said(answer)
    assert [line for line in lines if "stdout" in line] == [
        "job 1 stdout: ä€",
        "job 2 stdout: one",
        "job 3 stdout: from a file",
    ]
    assert any(line.startswith("job 1 result: ") and '"a"' in line for line in lines)
    assert f"session {sid_of(answer)} accepted (4 jobs)" in lines
    assert re.fullmatch(r"session \w{26} ended: ok \([0-9.]+ s\), exit 0", lines[-1])


async def test_a_line_of_a_crontab_mails_nothing_on_success_and_little_on_a_wrong_parameter(server: Server) -> None:
    words = shlex.join([*CLIENT, *server.words("-t", "-1", "-m", "OK1")])
    # what cron gives to a job: no terminal, no locale, hardly any variables
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(server.folder), "SHELL": "/bin/sh", "LOGNAME": "batch"}
    environ["PYTHONPATH"] = environment()["PYTHONPATH"]
    lines = {words: 0, f"{words} -v -c 'print(\"ä€\")'": 0, f"{words} -m 'a b'": 2}
    mails = []
    for line, code in lines.items():
        process = await asyncio.create_subprocess_shell(
            line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environ,
            start_new_session=True,
        )
        mail, _ = await process.communicate()
        assert process.returncode == code
        mails.append(mail.decode())
    assert mails[0] == ""
    assert "job 2 stdout: ä€\n" in mails[1]
    assert mails[2].count("\n") == 3


async def test_checks_31_32_34_38_54_return_codes(server: Server) -> None:
    lines = {
        ("-m", "NOPE"): 2,
        ("-m", "BAD1"): 4,
        ("-c", "raise ValueError('x')"): 4,
        ("-c", "this is not python"): 4,
        ("-f", "../x.py"): 2,
        ("-c", "import sys; sys.exit(5)", "-c", "print(1)"): 4,
        ("-m", "OK1"): 0,
    }
    async with asyncio.TaskGroup() as group:
        made = {line: group.create_task(server.call("-t", "-1", *line)) for line in lines}
    assert {line: task.result() for line, task in made.items()} == {
        line: Answer(code, "", "") for line, code in lines.items()
    }


async def test_checks_46_and_52_leaving_and_busy(server: Server) -> None:
    process = await begin(server.words("-v", "-t", "-1", "-m", "LOOP"), server.folder)
    await shown(process, b"stdout: begun")
    busy = await server.call("-v", "-m", "LOOP")
    assert busy.code == 4
    assert "server refused: BUSY" in busy.out
    process.send_signal(signal.SIGTERM)
    answer = await finish(process)
    assert answer.code == 3
    assert "continues on the server" in answer.out
    assert (await server.call("-v", "-t", "0", "-m", "LOOP")).code == 4

"""``pilothouse headless`` and ``pilothouse session`` as an administrator uses them."""

import asyncio
import getpass
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests import headlesscall
from tests.headlessserver import PASSWORDS, SECRETS, document, end_shim

from pilothouse.cli.main import main


def command(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(list(words)) == code, capsys.readouterr().err
    return capsys.readouterr().out


async def begin(folder: Path, *words: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a server; returns the address of its headless listener."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pilothouse.cli.main", *words, "--data", str(folder),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PILOTHOUSE_HEADLESS_LISTEN": "127.0.0.1:0", "PILOTHOUSE_HEADLESS_SHARED_ACCOUNT": "true"},
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while line := (await process.stderr.readline()).decode():
            if "listening" in line and "http" not in line:
                return process, line.split()[-1]
    raise AssertionError("the server ended")


async def stop(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


def set_up(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    data = ("--data", str(folder))
    (folder / "jobs").mkdir()
    (folder / "jobs" / "a.py").write_text("print('from a file')")
    (folder / "jobs" / "a.py").chmod(0o644)
    rights = [word for right in ("module:*", "file:jobs/*", "see:own") for word in ("--right", right)]
    account = getpass.getuser()
    command(capsys, "headless", "user", "add", "R41", "--os-account", account, *rights, *data)
    command(capsys, "headless", "root", "add", "jobs", str(folder / "jobs"), "--default", *data)
    command(
        capsys,
        "headless",
        "module",
        "add",
        "009DLK",
        *data,
        "--param",
        "year=2025",
        "--exec",
        "sh",
        "-c",
        "echo $PLANTA_PARAM_year; sleep 0.3",
    )
    command(capsys, "headless", "cred", "add", "R41", "--out", str(folder / "r41.secret"), *data)
    (folder / "old.secret").write_text(f"{SECRETS['R41']}\r\n")
    command(capsys, "headless", "cred", "import", "R41", str(folder / "old.secret"), "--name", "old", *data)


@pytest.mark.parametrize("server", [("headless", "serve"), ("up", "--listen", "127.0.0.1:0")])
async def test_from_nothing_to_a_finished_batch(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, server: tuple[str, ...]
) -> None:
    await asyncio.to_thread(set_up, capsys, tmp_path)
    process, address = await begin(tmp_path, *server)
    words = ["-s", address, "-u", "R41", "-t", "-1", "-v", "-p"]
    answer = await headlesscall.call([*words, "r41.secret", "-m", "009dlk", "-f", "a.py"], tmp_path)
    assert (answer.code, "2025" in answer.out, "from a file" in answer.out) == (0, True, True), answer
    held = tmp_path / "held.secret"
    held.touch(mode=0o600)
    held.write_text(f"# cred: old\n{SECRETS['R41']}\n")
    assert (await headlesscall.call([*words, "held.secret", "-m", "009DLK"], tmp_path)).code == 0
    data = ("--data", str(tmp_path))
    found = json.loads(await asyncio.to_thread(command, capsys, "session", "list", "--json", *data))
    assert [row["state"] for row in found] == ["ok", "ok"]
    sid = found[1]["sid"]
    shown = await asyncio.to_thread(command, capsys, "session", "show", sid, *data)
    assert "009DLK@1" in shown
    assert "jobs:a.py" in shown
    assert "from a file" in await asyncio.to_thread(command, capsys, "session", "attach", sid, *data)
    await stop(process)


async def test_an_administrator_cancels(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    await asyncio.to_thread(set_up, capsys, tmp_path)
    data = ("--data", str(tmp_path))
    await asyncio.to_thread(
        command, capsys, "headless", "module", "add", "LONG", *data, "--policy", "queue", "--exec", "sleep", "100"
    )
    process, address = await begin(tmp_path, "headless", "serve")
    words = ["-s", address, "-u", "R41", "-p", "r41.secret", "-m", "LONG"]
    waiting = []
    for _ in range(2):
        waiting.append(await headlesscall.begin([*words, "-t", "-1"], tmp_path))
        await asyncio.sleep(0.5)
    async with asyncio.timeout(20):
        while (
            len(found := json.loads(await asyncio.to_thread(command, capsys, "session", "list", "--json", *data))) < 2
        ):
            await asyncio.sleep(0.1)
    shown = await asyncio.to_thread(command, capsys, "session", "show", found[1]["sid"], "--json", *data)
    assert [job["state"] for job in json.loads(shown)["jobs"]] == ["running"]
    for row in found:  # the one that waits, then the one that runs
        await asyncio.to_thread(command, capsys, "session", "cancel", row["sid"], "--reason", "enough", *data)
    answers = [await headlesscall.finish(each) for each in waiting]
    assert [answer.code for answer in answers] == [4, 4]
    log = await asyncio.to_thread(command, capsys, "session", "attach", found[1]["sid"], *data, code=5)
    assert "enough" in log
    await asyncio.to_thread(command, capsys, "session", "cancel", found[1]["sid"], *data, code=2)
    await asyncio.to_thread(command, capsys, "audit", "verify", *data)
    await stop(process)


def test_what_is_refused_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    account = getpass.getuser()
    assert "<grammar" in command(capsys, "headless", "schema")
    for words in (
        ("user", "add", "A", "--os-account", "no-such-account"),
        ("user", "add", "A", "--os-account", account, "--right", "everything"),
        ("user", "add", "A", "--os-account", account, "--limit", "colour=1"),
        ("user", "remove", "A"),
        ("cred", "remove", "A"),
        ("login", "add", "alice", "host7", "A"),
        ("root", "add", "jobs", str(tmp_path / "none")),
        ("module", "remove", "X"),
        ("module", "add", "X", "--python", "os"),
        ("cred", "import", "A", "/etc/hostname"),
        ("cred", "import", "A", str(tmp_path / "none")),
        ("cred", "add", "A", "--out", str(tmp_path / "none" / "secret")),
        ("module", "add", "X", "--definition", str(tmp_path / "none")),
        ("module", "add", "X", "--definition", str(tmp_path / "server.db")),
        ("root", "add", "jobs", str(tmp_path), "--owner", "no-such-account"),
    ):
        assert main(["headless", *words, *data]) == 2, words
        assert capsys.readouterr().err.startswith("pilothouse: "), words
    assert main(["headless", "serve", "--listen", "0.0.0.0:0", *data]) == 7
    assert "headless_tls_listen" in capsys.readouterr().err


def test_a_published_command_is_shown_with_all_its_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An option of ours after --exec is a word of the command: whoever means it otherwise must see that."""
    words = ("headless", "module", "add", "X", "--data", str(tmp_path), "--exec", "echo", "two words", "--json")
    assert "echo 'two words' --json" in command(capsys, *words)


def test_who_publishes_sealed_passwords_is_told_who_needs_the_key(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    params, nodes = tmp_path / "params.json", tmp_path / "nodes.json"
    params.write_text(json.dumps(document("echo in", "target")))
    words = ("headless", "module", "add", "OLD", "--definition", str(params), "--nodes", str(nodes), "--data")
    for password, told in (("plain", False), ("{RC4}03908cb1", True), ("{AESGCM}AAAA", True)):
        nodes.write_text(json.dumps({"resourceId": 1, "host": "127.0.0.1", "protocol": "ssh", "password": password}))
        assert main([*words, str(tmp_path)]) == 0
        assert ("password_key" in capsys.readouterr().err) is told


def test_no_secret_is_kept_or_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    set_up(capsys, tmp_path)
    shutil.copy(tmp_path / "r41.secret", tmp_path / "copy")
    secret = (tmp_path / "r41.secret").read_text().splitlines()[-1]
    assert (tmp_path / "r41.secret").stat().st_mode & 0o777 == 0o400
    listed = command(capsys, "headless", "cred", "list", "--json", "--data", str(tmp_path))
    database = b"".join(path.read_bytes() for path in tmp_path.glob("server.db*"))
    for hidden in (secret[29:], SECRETS["R41"][29:], PASSWORDS["R41"]):
        assert hidden not in listed
        assert hidden.encode() not in database


@pytest.mark.parametrize("words", [(), ("--cancel",)])
async def test_a_server_is_stopped_with_its_sessions_or_without(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    await asyncio.to_thread(set_up, capsys, tmp_path)
    data = ("--data", str(tmp_path))
    long = ("module", "add", "LONG", *data, "--policy", "queue", "--exec", "sleep", "100")
    await asyncio.to_thread(command, capsys, "headless", *long)
    process, address = await begin(tmp_path, "headless", "serve")
    line = ["-s", address, "-u", "R41", "-p", "r41.secret", "-m", "LONG"]
    for _ in range(2):
        assert (await headlesscall.call(line, tmp_path)).code == 0
    assert (await asyncio.to_thread(_second, tmp_path))[0] == 7, "one server serves a folder"
    said = await asyncio.to_thread(command, capsys, "headless", "stop", "--json", *words, *data)
    assert json.loads(said)["left"] == (0 if words else 2)
    await process.communicate()
    assert process.returncode == 0
    found = json.loads(await asyncio.to_thread(command, capsys, "session", "list", "--json", *data))
    assert [row["state"] for row in found] == (["cancelled"] * 2 if words else ["queued", "running"])
    await asyncio.to_thread(command, capsys, "headless", "stop", *data, code=2)
    for row in found:
        end_shim(tmp_path / "headless" / "spool" / row["sid"])


def _second(folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "pilothouse.cli.main", "headless", "serve", "--listen", "127.0.0.1:0"]
    done = subprocess.run([*command, "--data", str(folder)], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


async def test_a_group_gives_its_rights_to_its_members(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    await asyncio.to_thread(set_up, capsys, tmp_path)
    data = ("--data", str(tmp_path))

    def headless(*words: str, code: int = 0) -> str:
        return command(capsys, "headless", *words, *data, code=code)

    account = getpass.getuser()
    user = ("user", "add", "R50", "--os-account", account, "--group", "night")
    await asyncio.to_thread(headless, *user, code=2)
    await asyncio.to_thread(headless, "group", "add", "night", "--right", "module:009*", "--right", "see:own")
    await asyncio.to_thread(headless, *user)
    await asyncio.to_thread(headless, "cred", "add", "R50", "--out", str(tmp_path / "r50.secret"))
    assert json.loads(await asyncio.to_thread(headless, "group", "list", "--json")) == [
        {"name": "night", "rights": ["module:009*", "see:own"], "members": ["R50"]}
    ]
    process, address = await begin(tmp_path, "headless", "serve")
    line = ["-s", address, "-u", "R50", "-p", "r50.secret", "-t", "-1"]
    assert (await headlesscall.call([*line, "-m", "009DLK"], tmp_path)).code == 0
    assert (await headlesscall.call([*line, "-f", "a.py"], tmp_path)).code == 2
    await asyncio.to_thread(headless, "group", "remove", "night")
    assert (await headlesscall.call([*line, "-m", "009DLK"], tmp_path)).code == 2
    await stop(process)

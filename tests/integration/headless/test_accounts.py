"""Jobs under an account that is not the server's, and servers that cannot change accounts (headless 13.1, 13.7)."""

import asyncio
import json
import os
import pwd
import subprocess
import sys
from getpass import getuser
from pathlib import Path

import pytest
from tests.headlessserver import RIGHTS, Guest, Server, code, serving

from pilothouse.clock import SystemClock
from pilothouse.errors import RefusedError, SettingsError
from pilothouse.headless import messages
from pilothouse.headless.server import oslogin, running
from pilothouse.headless.server.bounds import SessionLimits
from pilothouse.store import headless_accounts
from pilothouse.store.database import open_store
from pilothouse.store.headless_accounts import HeadlessUser

OTHER = "nobody"
ROOT = os.geteuid() == 0
# the kernel counts all processes of the account, and other tests' database runs under it as well
LIMITS = SessionLimits(grace=2.0, processes=4096)
LOOK = """
import json, os
def attempt(work):
    try:
        work()
    except OSError as error:
        return type(error).__name__
    return "done"
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({{
    "ids": [*os.getresuid(), *os.getresgid()], "groups": os.getgroups(), "user": os.environ["USER"],
    "privileges": status["NoNewPrivs"].strip(), "can": status["CapEff"].strip(" \\t\\n0"),
    "database": attempt(lambda: open({database!r})), "spool": attempt(lambda: os.listdir({spool!r})),
    "shim": attempt(lambda: os.kill(os.getppid(), 9)), "server": attempt(lambda: os.kill({server}, 9)),
    "back": attempt(lambda: os.setuid(0)), "own": attempt(lambda: open("mine", "w").close()),
}}))
"""
LEFT = """
import subprocess, time
print(subprocess.Popen(["setsid", "sleep", "300"]).pid, flush=True)
time.sleep(300)
"""


def interpreter() -> str:
    """Return a Python that the other account may run: ours may lie in a home that is closed to it."""
    for found in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            subprocess.run([found, "-I", "-c", ""], user=OTHER, extra_groups=(), check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return found
    raise AssertionError(f"no Python here that {OTHER} can run; on Debian: apt-get install python3")


async def map_to(server: Server, account: str) -> None:
    user = HeadlessUser(name="R41", os_account=account, rights=RIGHTS["R41"], created=SystemClock().time())
    await server.write(lambda c: headless_accounts.put_user(c, user))


@pytest.mark.skipif(not ROOT, reason="only root changes accounts; the refusal is tested for everybody")
async def test_a_job_is_the_mapped_account_and_nothing_more(tmp_path: Path) -> None:
    async with serving(tmp_path, python=interpreter(), limits=LIMITS) as server:
        await map_to(server, OTHER)
        guest = await Guest.inside(server)
        look = LOOK.format(database=str(tmp_path / "server.db"), spool=str(server.spools), server=os.getpid())
        await guest.start(code(look))
        assert (await guest.ended()).state == "ok"
        seen = json.loads(guest.of(messages.Log)[0].text)
    account = pwd.getpwnam(OTHER)
    assert seen.pop("ids") == [account.pw_uid] * 3 + [account.pw_gid] * 3
    assert seen.pop("groups") == os.getgrouplist(OTHER, account.pw_gid)
    assert seen == {
        "user": OTHER, "privileges": "1", "can": "", "database": "PermissionError", "spool": "PermissionError",
        "shim": "PermissionError", "server": "PermissionError", "back": "PermissionError", "own": "done",
    }  # fmt: skip


@pytest.mark.skipif(not ROOT, reason="only root changes accounts; the refusal is tested for everybody")
async def test_cancelling_reaches_the_descendants_of_another_account(tmp_path: Path) -> None:
    async with serving(tmp_path, python=interpreter(), limits=LIMITS) as server:
        await map_to(server, OTHER)
        guest = await Guest.inside(server)
        accepted = await guest.start(code(LEFT))
        pid = int((await guest.until(messages.Log)).text)
        assert Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam(OTHER).pw_uid
        await guest.say(messages.Cancel(accepted.session, "force"))
        assert (await guest.ended()).state == "cancelled"
        stat = Path(f"/proc/{pid}/stat")
        # init may not have asked yet for the status of a process that has ended
        assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


async def test_a_server_that_is_not_root_refuses_other_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path):
        pass
    # neither root nor the account of the users in the database
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam(OTHER).pw_uid)
    with pytest.raises(SettingsError, match="only a server that runs as root can change accounts"):
        oslogin.account_of(getuser())
    store = await open_store(tmp_path / "server.db")
    try:
        config = running.Config(data=tmp_path / "headless")
        with pytest.raises(RefusedError, match=f"headless user R41: jobs cannot run as '{getuser()}'"):
            await running.serve(config, store, [], lambda: None, asyncio.Event())
    finally:
        await store.close()


async def test_a_server_that_is_not_root_is_for_one_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path) as server:
        if ROOT:
            await map_to(server, OTHER)
        second = HeadlessUser(name="R42", os_account=OTHER if ROOT else getuser(), created=SystemClock().time())
        await server.write(lambda c: headless_accounts.put_user(c, second))
    if ROOT:
        monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam(OTHER).pw_uid)
    store = await open_store(tmp_path / "server.db")
    stop = asyncio.Event()
    stop.set()
    try:
        with pytest.raises(RefusedError, match="headless_shared_account"):
            await running.serve(running.Config(data=tmp_path / "headless"), store, [], lambda: None, stop)
        allowed = running.Config(data=tmp_path / "headless", shared_account=True)
        await running.serve(allowed, store, [], lambda: None, stop)
    finally:
        await store.close()

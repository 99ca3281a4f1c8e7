"""Debian's own cron starts a batch, and mails what it should: nothing when all is well."""

import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from getpass import getuser
from pathlib import Path

import pytest
from tests.headlesscall import ROOT
from tests.headlessserver import Guest, Server, serving

from pilothouse.headless import messages

# cron knows its folders by name; in a world of its own they are the test's
WORLD = """
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool/cron/crontabs
install -m 600 -o "$2" crontab "/var/spool/cron/crontabs/$2"
mount --bind cron.d /etc/cron.d
[ ! -e /etc/crontab ] || mount --bind empty /etc/crontab
mount --bind sbin /usr/sbin
exec "$1" -f
"""
SENDMAIL = '#!/bin/sh\ncat > "$(mktemp {folder}/mail.XXXXXX)"\n'


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path) as found:
        yield found


def furnish(folder: Path, lines: list[str]) -> list[str]:
    """Lay out cron's world; returns how it is started."""
    for name in ("cron.d", "sbin", "mails"):
        (folder / name).mkdir()
    (folder / "empty").touch()
    sendmail = folder / "sbin" / "sendmail"
    sendmail.write_text(SENDMAIL.format(folder=folder / "mails"))
    sendmail.chmod(0o755)
    (folder / "mails").chmod(0o777)
    found = shutil.which("cron", path="/usr/sbin:/sbin:/usr/bin")
    assert found, "the tests need cron: apt-get install cron"
    shutil.copy(found, folder / "cron")
    # at its start cron runs what is to be run at reboot, so nobody waits for the minute to be full
    text = "".join(f"@reboot {line}\n" for line in lines)
    (folder / "crontab").write_text(f"MAILTO=batch\nPYTHONPATH={ROOT / 'src'}\n{text}")
    words = ["unshare", "--mount", "sh", "-c", WORLD, "world", str(folder / "cron"), getuser()]
    return words if os.geteuid() == 0 else ["sudo", "-n", *words]


async def test_cron_starts_a_batch_and_mails_nothing_on_success(server: Server, tmp_path: Path) -> None:
    client = [sys.executable, "-m", "pilothouse.cli.planta_headless", *server.words("-t", "-1")]
    calls = {"good": ["-m", "OK1"], "bad": ["-m", "BAD1"], "wrong": ["-m", "no such name"]}
    lines = [f"{shlex.join([*client, *words])}; echo $? > {tmp_path / name}" for name, words in calls.items()]
    cron = await asyncio.create_subprocess_exec(*furnish(tmp_path, lines), cwd=tmp_path)
    try:
        async with asyncio.timeout(60):
            while not (all((tmp_path / name).exists() for name in calls) and any((tmp_path / "mails").iterdir())):
                assert cron.returncode is None, "cron has ended"
                await asyncio.sleep(0.05)
    finally:
        cron.terminate()
        await cron.wait()
    codes = {name: (tmp_path / name).read_text().strip() for name in calls}
    assert codes == {"good": "0", "bad": "4", "wrong": "2"}
    (mail,) = (tmp_path / "mails").iterdir()
    assert "no such name" in mail.read_text()
    guest = await Guest.inside(server)
    await guest.say(messages.List())
    assert sorted(each.state for each in (await guest.until(messages.Sessions)).statuses) == ["failed", "ok"]

"""Commands on a network device: the tool as a process, the device an SSH server that runs no programs."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tools.running import Ran, run_on_runner
from tests.netdevice import PASSWORD, SECRET, Device


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    found = await Device(tmp_path).start()
    yield found
    await found.stop()


async def execute(device: Device, *words: str, password: str = PASSWORD, **node: Any) -> Ran:
    reach = {"resourceId": 5, "host": "127.0.0.1", "port": 22, "protocol": "ssh", "protocolPort": device.port, **node}
    environment = {
        "AUTOEXEC_NODE": json.dumps({**reach, "username": "admin", "password": password}),
        "PILOTHOUSE_KNOWN_HOSTS": str(device.known_hosts),
    }
    return await asyncio.to_thread(
        run_on_runner, "netdev/netdevexec", *words, folder=device.folder, environment=environment
    )


async def test_a_batch_of_commands_and_what_they_show(device: Device) -> None:
    ran = await execute(device, "show version\n\nenable", "configure", "hostname core-2", "show version")
    assert ran.code == 0, ran.log
    version = "Pilot OS 7.1\nuptime 3 days"
    assert ran.outputs == {
        "commandOutputTxt": f"{version}\n\n\n\n{version}",
        "commandOutputJson": [version, "", "", "", version],
    }
    assert device.typed == ["show version", "enable", "configure", "hostname core-2", "show version"]
    assert ran.log.startswith(f"INFO: > show version\n{version}\nINFO: > enable\n")
    assert PASSWORD not in ran.log


async def test_pages_are_turned(device: Device) -> None:
    ran = await execute(device, "show config")
    assert ran.outputs is not None
    assert ran.outputs["commandOutputTxt"].split("\n") == [f"line {number}" for number in range(6)], ran.log
    assert device.pages == 2


async def test_a_line_that_only_looks_like_a_prompt(device: Device) -> None:
    ran = await execute(device, "show progress", "show version")
    assert ran.outputs is not None
    assert ran.outputs["commandOutputJson"] == ["copying 100%\ndone", "Pilot OS 7.1\nuptime 3 days"], ran.log


async def test_a_command_that_fails_is_the_last(device: Device) -> None:
    ran = await execute(device, "--failpattern", "(?m)^% Invalid", "show version", "nonsense", "enable")
    assert (ran.code, "'nonsense' failed" in ran.log) == (1, True), ran.log
    assert device.typed == ["show version", "nonsense"]
    assert ran.outputs is not None
    assert ran.outputs["commandOutputJson"][1] == "% Invalid input: nonsense"


async def test_the_time_limit_is_that_of_one_command(device: Device) -> None:
    ran = await execute(device, "--timeout", "1", "show version", "hang")
    assert (ran.code, "no prompt within 1 s after 'hang'" in ran.log) == (1, True), ran.log
    assert ran.outputs is not None
    assert len(ran.outputs["commandOutputJson"]) == 1


async def test_a_prompt_of_ones_own(device: Device) -> None:
    ran = await execute(device, "--timeout", "1", "--prompt", r"core-1> ?", "enable")
    assert (ran.code, "the last line is 'core-1# '" in ran.log) == (1, True), ran.log
    assert (await execute(device, "--timeout", "1", "--prompt", r"core-1[>#] ?", "enable")).code == 0


async def test_a_device_that_goes_away(device: Device) -> None:
    ran = await execute(device, "reload", "show version")
    assert (ran.code, "ended the session after 'reload'" in ran.log) == (1, True), ran.log


async def test_a_wrong_password(device: Device) -> None:
    ran = await execute(device, "show version", password="wrong")
    assert (ran.code, "refused the login of user 'admin'" in ran.log) == (1, True), ran.log


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (("--protocol", "telnet", "show version"), 1, "telnet carries passwords"),
        ((), 2, "no command"),
        (("--prompt", "(", "x"), 2, "--prompt: '(' is no regular expression"),
        (("--timeout", "0", "x"), 2, "--timeout"),
        (("--encoding", "nope", "x"), 2, "unknown character set"),
    ],
)
async def test_what_is_refused(device: Device, words: tuple[str, ...], code: int, shown: str) -> None:
    ran = await execute(device, *words)
    assert (ran.code, shown in ran.log, device.typed) == (code, True, []), ran.log


async def test_the_privileged_mode_and_its_password(device: Device) -> None:
    (device.folder / "secret").write_text(f"{SECRET}\n", "utf-8")
    words = ("--enable", "super", "--enable-password-file", str(device.folder / "secret"))
    ran = await execute(device, *words, "show version")
    assert ran.code == 0, ran.log
    assert ran.outputs is not None
    assert ran.outputs["commandOutputJson"] == ["Pilot OS 7.1\nuptime 3 days"]
    assert SECRET not in ran.log
    assert (await execute(device, "--enable", "1", "show version")).code == 0


async def test_a_privileged_mode_that_is_refused(device: Device) -> None:
    ran = await execute(device, "--enable", "super", "show version")
    assert (ran.code, "asks for a password" in ran.log) == (1, True), ran.log
    (device.folder / "secret").write_text("wrong\n", "utf-8")
    words = ("--enable", "super", "--enable-password-file", str(device.folder / "secret"))
    ran = await execute(device, *words, "show version")
    assert (ran.code, "refused the password of 'super'" in ran.log) == (1, True), ran.log
    ran = await execute(device, "--enable", "nonsense", "show version")
    assert (ran.code, "'nonsense' failed: % Invalid input" in ran.log) == (1, True), ran.log

"""Folders, ports and waiting."""

import os
import socket
import time
from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, run_on_runner, run_on_target

EVERY_SHELL = pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)


@EVERY_SHELL
def test_createdirs(tmp_path: Path, shell: tuple[str, ...]) -> None:
    wanted = [tmp_path / name for name in ("a b/c", "it's $HOME", "-e", "plain")]
    words = (f"{wanted[0]}\\n\\n{wanted[1]}", f"{wanted[2]}\n{wanted[3]}")
    owner = ("--user", str(os.getuid()), "--group", str(os.getgid()))
    ran = run_on_target("osbasic/createdirs", "--mode", "2750", *owner, *words, folder=tmp_path, shell=shell)
    assert ran.code == 0
    assert [path.stat().st_mode & 0o7777 for path in wanted] == [0o2750] * 4
    assert ran.log.count("FINE: ") == 4


def test_createdirs_sets_the_mode_of_what_is_there_and_reports_what_is_not_possible(tmp_path: Path) -> None:
    there, file = tmp_path / "there", tmp_path / "file"
    there.mkdir(mode=0o700)
    file.touch()
    ran = run_on_target("osbasic/createdirs", str(file), str(there), folder=tmp_path)
    assert ran.code == 1
    assert f"ERROR: {file} could not be prepared" in ran.log
    assert there.stat().st_mode & 0o7777 == 0o775


@pytest.mark.parametrize("words", [(), ("--mode", "u+x", "x"), ("--mode", "9", "x"), ("--what", "x"), ("--mode",)])
def test_createdirs_refuses_what_it_does_not_understand(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = run_on_target("osbasic/createdirs", *words, folder=tmp_path)
    assert (ran.code, ran.log.startswith("ERROR: ")) == (2, True)


@EVERY_SHELL
def test_checkport_counts_the_ports_in_use(tmp_path: Path, shell: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("::1", 0), family=socket.AF_INET6) as two:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            free = gone.getsockname()[1]
        ports = [one.getsockname()[1], two.getsockname()[1], free]
        ran = run_on_target("osbasic/checkport", f"{ports[0]},{ports[1]}", f"0{free}", folder=tmp_path, shell=shell)
    assert ran.code == 2
    assert ran.log == "".join(
        (
            f"ERROR: port {ports[0]} is in use\n",
            f"ERROR: port {ports[1]} is in use\n",
            f"FINE: port {free} is free\n",
        )
    )


@pytest.mark.parametrize("words", [(), ("",), ("http",), ("0",), ("65536",), ("-1",), ("99999999999999999999",)])
def test_checkport_refuses_what_is_no_port(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = run_on_target("osbasic/checkport", *words, folder=tmp_path)
    assert (ran.code, ran.log.startswith("ERROR: ")) == (255, True)


def test_sleep_waits_as_long_as_told(tmp_path: Path) -> None:
    started = time.monotonic()
    assert run_on_runner("basic/sleep", "0.3", folder=tmp_path).code == 0
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("words", [(), ("soon",), ("1.2.3",), ("-1",)])
def test_sleep_refuses_what_is_no_time(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run_on_runner("basic/sleep", *words, folder=tmp_path).code == 2

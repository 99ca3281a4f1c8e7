"""The promises that profiles use, as their process runs them."""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pilothouse.node.promising.generic import GenericPromise
from pilothouse.promises import KINDS, disk, log, page, port
from pilothouse.promises.patience import patient

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def message(kind: type[GenericPromise], folder: Path, **config: Any) -> tuple[bool, str]:
    """Return whether a promise fails, and what it says."""
    told = {"name": "it.py", "path": "it.py", "log-folder": str(folder), "partition-folder": str(folder)}
    made = kind({**told, "patience": "0", **config})
    made.sense()
    found = made.test()
    return found.hasFailed(), found.message


def test_all_are_named() -> None:
    folder = Path(page.__file__).parent
    assert {kind for kind in KINDS if "class RunPromise" in (folder / f"{kind}.py").read_text()} == set(KINDS)
    assert {path.stem for path in folder.glob("*.py") if "class RunPromise" in path.read_text()} == set(KINDS)


def test_a_disk_has_space_or_not(tmp_path: Path) -> None:
    assert message(disk.RunPromise, tmp_path, megabytes="1")[0] is False
    failed, said = message(disk.RunPromise, tmp_path, megabytes="99999999")
    assert failed
    assert "99999999 are wanted" in said


def test_a_port_answers_or_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.getsockname()[1]
        assert message(port.RunPromise, tmp_path, host="127.0.0.1", port=str(number))[0] is False
    failed, said = message(port.RunPromise, tmp_path, host="127.0.0.1", port=str(number))
    assert (failed, said.startswith(f"nothing answers at 127.0.0.1 port {number}: ")) == (True, True)


def test_a_program_has_time_to_start_after_a_deployment_only(tmp_path: Path) -> None:
    (tmp_path / "buildout.cfg").touch()
    told = {"name": "it.py", "path": "it.py", "log-folder": str(tmp_path), "partition-folder": str(tmp_path)}
    promise = port.RunPromise(told)
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        if len(asked) % 3:
            raise ConnectionRefusedError
        return "here"

    assert patient(promise, ask) == "here"
    os.utime(tmp_path / "buildout.cfg", (0, 0))
    with pytest.raises(ConnectionRefusedError):
        patient(promise, ask)
    assert len(asked) == 4


def lines(folder: Path, *ages: tuple[float, str]) -> str:
    file = folder / "x.log"
    file.write_text(
        "".join(f"{NOW - timedelta(minutes=age):%Y-%m-%d %H:%M:%S}.123 UTC [1]:{text}\n" for age, text in ages)
    )
    return str(file)


@pytest.mark.parametrize(
    ("ages", "found"),
    [
        ([(20.0, "PANIC: x")], False),
        ([(20.0, "PANIC: x"), (1.0, "LOG: fine")], False),
        ([(5.0, "PANIC: x"), (1.0, "LOG: fine\n\tmore of it")], True),
        ([], False),
    ],
)
def test_a_log_is_read_as_far_as_it_is_young(ages: list[tuple[float, str]], found: bool, tmp_path: Path) -> None:
    said = log.matching(lines(tmp_path, *ages), "PANIC", NOW - timedelta(minutes=10))
    assert (said is not None) is found


def test_a_log_that_is_not_there_is_quiet(tmp_path: Path) -> None:
    assert message(log.RunPromise, tmp_path, file=str(tmp_path / "none-*.log"), pattern="x")[0] is False


def test_the_latest_of_several_logs_is_read(tmp_path: Path) -> None:
    stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    (tmp_path / "a-1.log").write_text(f"{stamp} PANIC: now\n")
    failed, said = message(log.RunPromise, tmp_path, file=str(tmp_path / "a-*.log"), pattern="PANIC")
    assert (failed, said) == (True, f"{tmp_path}/a-1.log: {stamp} PANIC: now")

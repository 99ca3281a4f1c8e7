"""The program under every POSIX shell, and its command under every login shell, that this machine has."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from pilothouse.transports import launcher
from pilothouse.transports.contract import Launch, UploadFile

# sh is there always; whoever has the others tests them too
SHELLS = [name for name in ("sh", "dash", "bash", "busybox", "ksh93", "mksh", "zsh") if shutil.which(name)]
LOGIN_SHELLS = [name for name in ("sh", "bash", "tcsh", "csh", "fish", "zsh", "mksh") if shutil.which(name)]
WORD = 'it\'s "$(id)" `id` \\ 中\n'


def launch(folder: Path, script: str) -> Launch:
    return Launch(
        token="t-1",
        folder=str(folder / "job"),
        work="w",
        files=(UploadFile("w/bytes", bytes(range(256)), 0o640), UploadFile("w/text", b"no line end")),
        argv=("sh", "-c", script, "sh", WORD),
        environment=(("VALUE", WORD),),
        collect=("bytes", "text"),
    )


def shell(name: str, program: launcher.Program) -> subprocess.Popen[bytes]:
    words = ["busybox", "sh"] if name == "busybox" else [name]
    process = subprocess.Popen(
        [*words, "-c", program.script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(program.text)
    process.stdin.flush()
    return process


def conversation(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Keep the lifeline up until the end was told, then let go without settling."""
    assert process.stderr is not None
    control = b""
    while not control.endswith(b"exit 0\n"):
        control += (piece := os.read(process.stderr.fileno(), 65536))
        assert piece, control
    return process.communicate(timeout=30)[0], control


@pytest.mark.parametrize("name", SHELLS)
def test_an_operation_runs_and_is_kept(name: str, tmp_path: Path) -> None:
    program = launcher.render(launch(tmp_path, 'printf "%s" "$1$VALUE"; umask >&2; exit 0'))
    for adopted in (b"", b"adopted\n"):
        output, control = conversation(shell(name, program))
        expected = b"" if adopted else (WORD + WORD).encode()
        umask = b"" if adopted else output[len(b"\x1et-1 start\n") + len(expected) :].split(b"\n")[0] + b"\n"
        assert output == b"\x1et-1 start\n" + expected + umask + b"\x1et-1 end\n"
        assert umask != b"0077\n"
        assert adopted in control
        files = b"file 0 256\n" + bytes(range(256)) + b"file 1 11\nno line end"
        assert control.endswith(files + b"exit 0\n")


@pytest.mark.parametrize("name", SHELLS)
def test_the_end_of_the_lifeline_ends_the_group(name: str, tmp_path: Path) -> None:
    process = shell(name, launcher.render(launch(tmp_path, "trap '' TERM; sleep 300 & sleep 300; sleep 300")))
    pid = tmp_path / "job" / ".t-1.pid"
    deadline = time.monotonic() + 30
    while not (pid.exists() and pid.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    group = pid.read_text().split()[0]
    listing = subprocess.run(["ps", "-o", "pgid=", "-p", group], stdout=subprocess.PIPE, text=True, check=True)
    time.sleep(0.3)
    assert listing.stdout.split() == [group]
    process.communicate(timeout=30)
    left = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [row for row in left.splitlines() if row.split()[0] == group and "Z" not in row] == []
    assert not (tmp_path / "job" / ".t-1.rc").exists()


@pytest.mark.parametrize("name", SHELLS)
def test_an_abort_is_confirmed_and_cleaned_up(name: str, tmp_path: Path) -> None:
    process = shell(name, launcher.render(launch(tmp_path, "sleep 300 & sleep 300")))
    assert process.stderr is not None
    while not process.stderr.readline().startswith(b"pid "):
        pass
    _, rest = process.communicate(b"abort\n", timeout=30)
    assert rest.endswith(b"killed\n")
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize("name", LOGIN_SHELLS)
def test_the_command_suits_the_login_shell(name: str, tmp_path: Path) -> None:
    program = launcher.render(launch(tmp_path, "echo ran"))
    pipe = subprocess.PIPE
    process = subprocess.Popen([name, "-c", program.command], stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    process.stdin.write(program.text)
    process.stdin.flush()
    output, _ = conversation(process)
    assert output == b"\x1et-1 start\nran\n\x1et-1 end\n"


@pytest.mark.parametrize("name", SHELLS)
def test_folders_left_long_ago_are_swept(name: str, tmp_path: Path) -> None:
    start = Path("/proc/self/stat").read_text("utf-8").rpartition(") ")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8")
    for left in ("left", "alive", "dead", "foreign", "fresh"):
        folder = tmp_path / f"autoexec-{left}"
        folder.mkdir()
        if left != "foreign":
            (folder / ".pilothouse").touch()
        number = os.getpid() if left == "alive" else 2**22 + 1
        if left in ("alive", "dead"):
            (folder / ".t-9.pid").write_text(f"{number} {start}-{boot}")
        if left != "fresh":
            os.utime(folder, (time.time() - 8 * 86400,) * 2)
    one = msgspec.structs.replace(launch(tmp_path, "exit 0"), folder=str(tmp_path / "autoexec-now"))
    conversation(shell(name, launcher.render(one)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "autoexec-alive",
        "autoexec-foreign",
        "autoexec-fresh",
        "autoexec-now",
    ]

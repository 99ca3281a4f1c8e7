"""``sshcmd`` as its users start it, against real SSH servers."""

import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.commands import SOURCES
from tests.conftest import MakeSshd
from tests.machine import marked
from tests.sshd import Sshd, free_port

PASSWORD = "Right.word'9"


class Sshcmd:
    """Runs the command with the keys and known hosts of a server."""

    def __init__(self, folder: Path, sshd: Sshd) -> None:
        self.folder = folder
        self.sshd = sshd
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PILOTHOUSE_", "SSHCMD_"))},
            "PYTHONPATH": str(SOURCES),
            "PILOTHOUSE_KNOWN_HOSTS": str(sshd.known_hosts),
            "PILOTHOUSE_IDENTITIES": str(sshd.identity),
        }

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "pilothouse.cli.sshcmd", *words]

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.words(*words),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def at(self) -> tuple[str, ...]:
        return ("--host", "127.0.0.1", "--port", str(self.sshd.port), "--user", self.sshd.user)

    def file(self, text: str) -> str:
        path = self.folder / "hosts.txt"
        path.write_text(text, "utf-8")
        return str(path)


@pytest.fixture
def sshcmd(tmp_path: Path, sshd: Sshd) -> Sshcmd:
    return Sshcmd(tmp_path, sshd)


@pytest.fixture
def account() -> Iterator[str]:
    """An account of the machine with a password; only root can make one."""
    name = f"cmd{os.getpid()}"
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    subprocess.run(["useradd", "-M", "-d", "/tmp", "-s", "/bin/sh", "-p", hashed, name], check=True)
    yield name
    subprocess.run(["userdel", name], check=True)


def litter() -> set[Path]:
    """Return the folders of commands that are there and stay; those of other tests' commands go soon."""
    found = set(Path("/tmp").glob(".sshcmd-*"))
    deadline = time.monotonic() + 30
    while found := {path for path in found if path.exists()}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return found


def test_one_host_gets_every_word_as_it_is_and_its_output_has_no_label(sshcmd: Sshcmd) -> None:
    said = sshcmd(*sshcmd.at(), "printf", "%s|", "$HOME", "a  b", "*", "it's", "-n", "", "中文", "two\nlines").stdout
    assert said.startswith("$HOME|a  b|*|it's|-n||中文|two\nlines|\nFINE: 127.0.0.1: succeeded in ")
    assert litter() == set()


def test_it_runs_at_home_and_knows_the_shells_own_commands(sshcmd: Sshcmd) -> None:
    assert sshcmd(*sshcmd.at(), "pwd").stdout.splitlines()[0] == str(Path.home())
    assert sshcmd(*sshcmd.at(), "umask").stdout.splitlines()[0].isdigit()


def test_a_failing_command_is_code_1_and_says_why(sshcmd: Sshcmd) -> None:
    said = sshcmd(*sshcmd.at(), "sh", "-c", "echo out; echo err >&2; exit 7", code=1).stdout
    assert said == "out\nerr\nERROR: 127.0.0.1: exit code 7\n"
    assert "ERROR: 127.0.0.1: exit code 127\n" in sshcmd(*sshcmd.at(), "no-such-command", code=1).stdout


def test_several_hosts_of_which_one_fails(sshcmd: Sshcmd, make_sshd: MakeSshd) -> None:
    other = make_sshd()
    closed = free_port()
    hosts = sshcmd.file(
        f"# two good ones\n127.0.0.1:{sshcmd.sshd.port}\n\n127.0.0.1:{other.port}\nlocalhost:{closed}\n"
    )
    known = ("--known-hosts", str(sshcmd.sshd.known_hosts), "--known-hosts", str(other.known_hosts))
    keys = ("--identity", str(sshcmd.sshd.identity), "--identity", str(other.identity))
    words = ("--hostsfile", hosts, "--user", sshcmd.sshd.user, *known, *keys)
    lines = sshcmd(*words, "sh", "-c", "echo one; echo two", code=1).stdout.splitlines()
    first, second = f"127.0.0.1:{sshcmd.sshd.port}", f"127.0.0.1:{other.port}"
    for name in (first, second):
        assert [line.partition(" | ")[2] for line in lines if line.startswith(f"{name} ")] == ["one", "two"]
        assert any(line.startswith(f"FINE: {name}: succeeded") for line in lines)
    [error] = [line for line in lines if line.startswith("ERROR: ")]
    assert error.startswith(f"ERROR: localhost:{closed}: ")
    assert "refuses connections" in error
    assert lines[-1] == f"3 hosts: 2 ok, 1 failed: localhost:{closed}"
    assert litter() == set()


def test_lines_come_while_the_command_runs(sshcmd: Sshcmd) -> None:
    process = subprocess.Popen(
        sshcmd.words(*sshcmd.at(), "sh", "-c", "echo first; sleep 30"),
        env=sshcmd.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "sshcmd: interrupted; the command was ended where it was running\n"
    assert litter() == set()


def test_term_ends_the_command_there_too(sshcmd: Sshcmd) -> None:
    mark = f"31.{os.getpid()}"
    process = subprocess.Popen(
        sshcmd.words(*sshcmd.at(), "sh", "-c", f"echo first; sleep {mark}; :"),
        env=sshcmd.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 1
    assert not marked(f"sleep\0{mark}")
    assert litter() == set()


def test_a_limit_on_hosts_at_a_time(sshcmd: Sshcmd) -> None:
    names = [f"127.0.0.{number}" for number in range(1, 5)]
    text = "\n".join(f"{name}:{sshcmd.sshd.port}" for name in names)
    words = ("--hostsfile", sshcmd.file(text), "--user", sshcmd.sshd.user, "--host-keys", "accept-any")
    gate = sshcmd.folder / "running"
    gate.mkdir()
    script = f"mkdir {gate}/$$; ls {gate} | wc -l; sleep 0.3; rmdir {gate}/$$"
    lines = sshcmd(*words, "--parallel", "1", "sh", "-c", script, code=1).stdout.splitlines()
    counts = [line.partition(" | ")[2] for line in lines if " | " in line]
    assert counts == ["1"]
    assert "4 hosts: 1 ok, 3 failed: 127.0.0.[2-4]" in lines


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an account with a password")
def test_passwords_from_everywhere_and_shown_nowhere(account: str, make_sshd: MakeSshd, tmp_path: Path) -> None:
    server = make_sshd(PasswordAuthentication="yes")
    sshcmd = Sshcmd(tmp_path, server)
    del sshcmd.environment["PILOTHOUSE_IDENTITIES"]
    sshcmd.environment |= {"HOME": str(tmp_path), "SSH_AUTH_SOCK": ""}
    where = ("--host", f"127.0.0.1:{server.port}", "--user", account)
    secret = tmp_path / "secret"
    secret.write_text(f"{PASSWORD}\nsecond line\n", "utf-8")

    said = sshcmd(*where, "--password-file", str(secret), "echo", f"said {PASSWORD}")
    assert said.stdout.startswith("said ******\nFINE: ")
    assert said.stderr == ""

    said = sshcmd(*where, "--password", PASSWORD, "whoami")
    assert said.stdout.splitlines()[0] == account
    assert said.stderr.startswith("sshcmd: warning: every user of this machine can read --password")
    assert PASSWORD not in said.stderr

    sshcmd.environment["SSHCMD_PASSWORD"] = PASSWORD
    assert sshcmd(*where, "whoami").stderr == ""
    third = ("--hostsfile", sshcmd.file(f"127.0.0.1:{server.port}\n"), "--user", account)
    assert sshcmd(*third, "whoami").stdout.splitlines()[0] == account
    del sshcmd.environment["SSHCMD_PASSWORD"]

    first = sshcmd.file(f"127.0.0.1:{server.port} {account} {PASSWORD}\nlocalhost:{server.port} {account} wrong-word\n")
    done = sshcmd("--hostsfile", first, "--host-keys", "accept-any", "whoami", code=1)
    assert f"127.0.0.1 | {account}\n" in done.stdout
    assert "ERROR: localhost: " in done.stdout
    assert "refused the login" in done.stdout
    assert "wrong-word" not in done.stdout + done.stderr
    second = sshcmd.file(f"127.0.0.1:{server.port} {PASSWORD}\n")
    assert sshcmd("--hostsfile", second, "--user", account, "whoami").stdout.splitlines()[0] == account

    assert "--ask-password needs a terminal" in sshcmd(*where, "--ask-password", "whoami", code=2).stderr
    assert asked(sshcmd, (*where, "--ask-password", "whoami")).count(account) >= 2


def asked(sshcmd: Sshcmd, words: tuple[str, ...]) -> str:
    """Run on a terminal, answer the question for the password, return what the terminal showed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        sshcmd.words(*words),
        env=sshcmd.environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    try:
        while b"password of" not in shown:
            shown += os.read(leader, 1000)
        time.sleep(0.2)
        os.write(leader, PASSWORD.encode() + b"\n")
        while True:
            try:
                shown += os.read(leader, 1000)
            except OSError:
                break
    finally:
        os.close(leader)
        process.wait(30)
    assert process.returncode == 0, shown
    assert PASSWORD.encode() not in shown
    return shown.decode()


def test_host_keys_are_verified(sshcmd: Sshcmd) -> None:
    empty = sshcmd.folder / "empty"
    empty.touch()
    said = sshcmd(*sshcmd.at(), "--known-hosts", str(empty), "true", code=1).stdout
    assert "host key is unknown" in said
    assert "--host-keys accept-new" in said
    sshcmd(*sshcmd.at(), "--known-hosts", str(empty), "--host-keys", "accept-new", "true")
    sshcmd(*sshcmd.at(), "--known-hosts", str(empty), "true")


def test_a_host_that_never_answers_is_given_up(sshcmd: Sshcmd) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        where = ("--host", f"127.0.0.1:{silent.getsockname()[1]}", "--connect-timeout", "0.5")
        assert "no login within 0.5 s" in sshcmd(*where, "true", code=1).stdout
    assert "cannot be resolved" in sshcmd("--host", "no-such-host.invalid", "true", code=1).stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--host", "h"), "no command is given"),
        (("ls",), "no host is named"),
        (("--hostsfile", "missing.txt", "ls"), "missing.txt: cannot be read: No such file"),
        (("--host", "h:x", "ls"), "with a port that is none"),
        (("--host", "h", "--parallel", "0", "ls"), "--parallel 0: allowed: 1 or more"),
        (("--host", "h", "--password-file", "missing.txt", "ls"), "missing.txt: cannot be read"),
        (("--host", "h", "--port", "99999", "ls"), "--port 99999: allowed"),
    ],
)
def test_wrong_usage_is_code_2(sshcmd: Sshcmd, words: tuple[str, ...], text: str) -> None:
    assert text in sshcmd(*words, code=2).stderr


def test_a_garbage_hosts_file_is_refused_line_by_line(sshcmd: Sshcmd) -> None:
    hosts = sshcmd.file("fine\nhost user Secret.word more\n\x00\x01\nx:y Secret.word\n")
    said = sshcmd("--hostsfile", hosts, "ls", code=2).stderr
    assert all(f"line {number}: " in said for number in (2, 3, 4))
    assert "Secret.word" not in said
    (sshcmd.folder / "hosts.txt").write_bytes(b"\xff\xfe\x00")
    assert "no UTF-8 text" in sshcmd("--hostsfile", hosts, "ls", code=2).stderr


def test_much_output_and_a_reader_that_leaves(sshcmd: Sshcmd) -> None:
    done = sshcmd(*sshcmd.at(), "seq", "100000")
    assert done.stdout.splitlines()[:100000] == [str(number) for number in range(1, 100001)]
    line = f"{shlex.join(sshcmd.words(*sshcmd.at(), 'seq', '5000000'))} | head -n 1"
    piped = subprocess.run(
        ["bash", "-c", line], env=sshcmd.environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (piped.stdout, piped.stderr) == ("1\n", "")
    assert litter() == set()

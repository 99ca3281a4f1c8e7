"""Services, processes and logs on targets."""

import os
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, run_on_target
from tests.machine import marked, until
from tests.sshd import free_port

EVERY_SHELL = pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)
SERVER = "import socket, time; s = socket.create_server(('127.0.0.1', int({port}))); print(flush=True); time.sleep(60)"


@EVERY_SHELL
def test_startwait_starts_shows_the_logs_and_ends_when_both_are_as_wanted(
    tmp_path: Path, shell: tuple[str, ...]
) -> None:
    port = free_port()
    (tmp_path / "old log").write_text("before: ready\n", "utf-8")
    script = (
        f"(sleep 1; echo still; sleep 1; echo 'is ready now') >>'{tmp_path}/old log' &\\n"
        f"echo appeared >'{tmp_path}/new.log'\\n"
        f'{sys.executable} -c "{SERVER.format(port=port)}" >/dev/null 2>&1 & echo $! >{tmp_path}/pid'
    )
    words = ("--prescript", script, "--addr", f"127.0.0.1:{port}", "--eofstr", "ready", "--timeout", "20")
    ran = run_on_target(
        "startstop/startwait",
        *words,
        "--postscript",
        "echo afterwards",
        f"{tmp_path}/old*",
        f"{tmp_path}/new*",
        folder=tmp_path / "t",
        shell=shell,
    )
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert ran.code == 0, ran.log
    assert "before: ready" not in ran.log
    for text in ("appeared\n", "still\nis ready now\n", f"FINE: 127.0.0.1:{port}", "afterwards\n"):
        assert text in ran.log, ran.log
    assert marked(f"{tmp_path}/old log") == []


def test_what_is_up_already_is_not_started_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"127.0.0.1:{there.getsockname()[1]}"
        ran = run_on_target("startstop/startwait", "--prescript", "echo run", "--addr", address, folder=tmp_path)
    assert (ran.code, ran.log) == (0, f"FINE: {address} is up already\n")


def test_stopwait_waits_for_the_end(tmp_path: Path) -> None:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER.format(port=port)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    words = ("--prescript", f"(sleep 1; kill {server.pid}) &", "--addr", f"127.0.0.1:{port}", "--timeout", "20")
    ran = run_on_target("startstop/stopwait", *words, folder=tmp_path)
    assert server.wait(30) == -15
    server.stdout.close()
    assert (ran.code, "is down" in ran.log) == (0, True), ran.log
    assert run_on_target("startstop/stopwait", *words, folder=tmp_path).log.endswith("is down already\n")


async def test_startwait_ends_with_1_in_time_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "some.log").touch()
    words = ("--addr", f"127.0.0.1:{free_port()}", "--timeout", "1", f"{tmp_path}/some.log")
    ran = run_on_target("startstop/startwait", *words, folder=tmp_path / "t")
    assert (ran.code, "after 1 seconds" in ran.log) == (1, True)
    await until(lambda: not marked(f"{tmp_path}/some.log"))


def test_a_prescript_that_fails_ends_the_wait(tmp_path: Path) -> None:
    words = ("--prescript", "echo no; exit 7", "--addr", f"127.0.0.1:{free_port()}")
    ran = run_on_target("startstop/startwait", *words, folder=tmp_path)
    assert (ran.code, "exit code 7" in ran.log) == (1, True)


def test_the_text_may_be_in_another_character_set(tmp_path: Path) -> None:
    log = tmp_path / "gbk.log"
    log.touch()
    script = f"printf '\\326\\320\\316\\304\\\\n' >>{log}"
    words = ("--prescript", script, "--eofstr", "{GBK}中文", "--timeout", "5", str(log))
    ran = run_on_target("startstop/startwait", *words, folder=tmp_path / "t")
    assert ran.code == 0, ran.log


class Moved(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "/500")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.mark.parametrize(("status", "code"), [(200, 0), (302, 0), (503, 1)])
def test_web_addresses_are_up_with_200_and_302(tmp_path: Path, status: int, code: int) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Moved) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/{status}"
        ran = run_on_target("startstop/startwait", "--addr", address, "--timeout", "1", folder=tmp_path)
        server.shutdown()
        thread.join()
    assert ran.code == code, ran.log


@pytest.mark.parametrize(
    "words",
    [(), ("--addr", "nonsense"), ("--addr", "h:1", "--timeout", "x"), ("--eofstr", "x"), ("--what", "x"), ("--addr",)],
)
def test_waits_refuse_what_they_do_not_understand(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run_on_target("startstop/startwait", *words, folder=tmp_path).code == 2


@EVERY_SHELL
def test_checkprocess_counts_and_never_itself(tmp_path: Path, shell: tuple[str, ...]) -> None:
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    two = [subprocess.Popen(["sh", "-c", "sleep 60; :", mark], start_new_session=True) for _ in range(2)]
    cases = {
        (f"sh .*{mark}",): 0,
        ("--checkexp", "==2", mark): 0,
        ("--checkexp", "> 2", mark): 1,
        ("--checkexp", "=0", f"nobody-{mark}"): 0,
        (mark, f"nobody-{mark}"): 1,
        ("--op", "or", mark, f"nobody-{mark}"): 0,
        ("--checkexp", "many", mark): 2,
        ("--op", "xor", mark): 2,
    }
    for words, code in cases.items():
        ran = run_on_target("startstop/checkprocess", *words, folder=tmp_path, shell=shell)
        assert ran.code == code, (words, ran.log)
    for one in two:
        os.killpg(one.pid, 9)
        one.wait()


def test_checklog_shows_matches_of_the_end_of_logs(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("ERROR at first\n" + "x" * (1 << 20) + "\nERROR later\nharmless ERROR\n", "utf-8")
    (tmp_path / "b c.log").write_bytes(b"fine\nFATAL \xff\n")
    words = ("--maxsize", "1", "--patterns", "ERROR\\nFATAL", "--exclude", "harmless", f"{tmp_path}/*.log")
    ran = run_on_target("startstop/checklog", *words, folder=tmp_path / "t")
    assert ran.code == 0, ran.log
    assert ran.outputs == {
        "matchCount": "2",
        "matchText": f"{tmp_path}/a.log: ERROR later\n{tmp_path}/b c.log: FATAL ÿ",
    }
    assert run_on_target("startstop/checklog", "--failcheck", *words, folder=tmp_path / "t").code == 1
    assert run_on_target("startstop/checklog", "--failcheck", "0", *words, folder=tmp_path / "t").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--patterns", "x"), 2), (("--patterns", "(", "/tmp"), 2), (("--patterns", "x", "/nowhere/x.log"), 1)],
)
def test_checklog_refuses_what_it_cannot_do(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    assert run_on_target("startstop/checklog", *words, folder=tmp_path).code == code


@pytest.fixture
def init_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose services are run by a ``service`` command; its one service is a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text("#!/bin/sh\necho 'System has not been booted with systemd'\nexit 1\n", "utf-8")
    (folder / "service").write_text(
        '#!/bin/sh\n[ "$1" = web ] || { echo "$1: unrecognized service"; exit 1; }\ncase $2 in\n'
        f"start) touch {tmp_path}/up; sleep 5 & ;;\nstop) rm -f {tmp_path}/up ;;\n"
        f"status) test -e {tmp_path}/up ;;\nesac\n",
        "utf-8",
    )
    for program in folder.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.usefixtures("init_script")
def test_a_service_is_started_and_stopped(tmp_path: Path) -> None:
    def service(*words: str) -> tuple[int, object]:
        ran = run_on_target("startstop/service", *words, folder=tmp_path / "t")
        return ran.code, ran.outputs

    assert service("--name", "web") == (1, {"serviceState": "inactive"})
    assert service("--name", "web", "--action", "start") == (0, {"serviceState": "active"})
    assert service("--name", "web", "--action", "status") == (0, {"serviceState": "active"})
    assert service("--name", "web", "--action", "stop") == (0, {"serviceState": "inactive"})
    assert service("--name", "nothing", "--action", "start") == (1, {"serviceState": "inactive"})
    assert service("--name", "-x")[0] == 2
    assert service("--name", "web", "--action", "reload")[0] == 2

"""Configuration files and users of targets. Files are the test's own; users live in a throwaway /etc."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, Ran, run_on_target

EVERY_SHELL = pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)
INI = """\
; settings
root = 1

[first]
a = 1
# b = 2
b=old

[second]
a = 1
"""


def change(name: str, file: Path, *words: str, shell: tuple[str, ...] = ()) -> Ran:
    ran = run_on_target(f"osbasic/{name}", "--file", str(file), *words, folder=file.parent / "t", shell=shell)
    if ran.code == 0:
        assert ran.outputs == {"resultText": file.read_text("utf-8").removesuffix("\n")}
    return ran


@EVERY_SHELL
def test_values_of_a_section_are_set(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / "app.ini"
    file.write_text(INI, "utf-8")
    file.chmod(0o640)
    ran = change("modifyini", file, "--section", "first", "--backup", "1", 'b=new = x\\nc=it\'s "c\\d"', shell=shell)
    assert ran.code == 0, ran.log
    expected = INI.replace("b=old\n", 'b = new = x\nc = it\'s "c\\d"\n')
    assert file.read_text("utf-8") == expected
    assert file.stat().st_mode & 0o777 == 0o640
    (kept,) = tmp_path.glob("app.ini.*")
    assert re.fullmatch(r"app\.ini\.\d{8}-\d{6}", kept.name)
    assert kept.read_text("utf-8") == INI
    again = change("modifyini", file, "--section", "first", "--backup", "b=new = x", shell=shell)
    assert "as wanted already" in again.log
    assert len(list(tmp_path.glob("app.ini.*"))) == 1


@EVERY_SHELL
def test_values_before_and_after_all_sections(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / "app.ini"
    file.write_text(INI, "utf-8")
    assert change("modifyini", file, "root=2", "more=3", shell=shell).code == 0
    assert change("modifyini", file, "--section", "third", "z=1", shell=shell).code == 0
    text = INI.replace("root = 1\n", "root = 2\nmore = 3\n")
    assert file.read_text("utf-8") == f"{text}\n[third]\nz = 1\n"
    new = tmp_path / "new.ini"
    assert change("modifyini", new, "--section", "s", "z=1", shell=shell).code == 0
    assert new.read_text("utf-8") == "[s]\nz = 1\n"


@EVERY_SHELL
def test_names_get_addresses(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / "hosts"
    file.write_text("# all\n127.0.0.1 localhost\n10.0.0.1\tdb old  # both\n10.0.0.2 web\n10.0.0.5 x.y\n", "utf-8")
    ran = change("modifyhosts", file, "10.0.0.9 db\\n10.0.0.3 web web.example", "10.0.0.5 x.y", shell=shell)
    assert ran.code == 0, ran.log
    lines = ["# all", "127.0.0.1 localhost", "10.0.0.1 old # both", "10.0.0.5 x.y"]
    assert file.read_text("utf-8").splitlines() == [*lines, "10.0.0.9 db", "10.0.0.3 web web.example"]
    assert "as wanted already" in change("modifyhosts", file, "10.0.0.9 db", shell=shell).log


@EVERY_SHELL
def test_limits_are_replaced_and_added(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / "limits.conf"
    file.write_text("# app soft nofile 1\napp   soft nofile 1024\napp hard nofile 1024\n* - core 0\n", "utf-8")
    words = ("app soft nofile 65535\\n* - core 0", "@ops hard nproc unlimited")
    assert change("modifylimit", file, *words, shell=shell).code == 0
    assert file.read_text("utf-8").splitlines() == [
        "# app soft nofile 1",
        "app soft nofile 65535",
        "app hard nofile 1024",
        "* - core 0",
        "@ops hard nproc unlimited",
    ]


@EVERY_SHELL
def test_kernel_parameters_are_replaced_and_added(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / "sysctl.conf"
    file.write_text("#vm.swappiness=60\nvm.swappiness = 60\nkernel.sem=1 2\n", "utf-8")
    assert change("modifysysctl", file, "vm.swappiness=10", "kernel.sem = 250 32000 100 128", shell=shell).code == 0
    expected = "#vm.swappiness=60\nvm.swappiness = 10\nkernel.sem = 250 32000 100 128\n"
    assert file.read_text("utf-8") == expected


@EVERY_SHELL
def test_variables_are_set_for_every_shell(tmp_path: Path, shell: tuple[str, ...]) -> None:
    file = tmp_path / ".profile"
    file.write_text("umask 022\nexport A=1\nexport AB=2\n", "utf-8")
    ran = change("setuserenv", file, "A=it's $HOME \\\\ `x`", "NEW=a=b", shell=shell)
    assert ran.code == 0, ran.log
    assert file.read_text("utf-8").splitlines()[2] == "export AB=2"
    script = f'. {file}; printf "%s|%s" "$A" "$NEW"'
    shown = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert shown == "it's $HOME \\\\ `x`|a=b"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("modifyini", ("novalue",)),
        ("modifyini", ()),
        ("modifyhosts", ("10.0.0.1",)),
        ("modifyhosts", ("name 10.0.0.1",)),
        ("modifylimit", ("app nofile 1",)),
        ("modifylimit", ("app soft nofile many",)),
        ("modifysysctl", ("vm.swappiness",)),
        ("setuserenv", ("1X=1",)),
        ("setuserenv", ("--what", "x")),
    ],
)
def test_lines_that_set_nothing_are_refused(tmp_path: Path, name: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "file"
    file.write_text("as it was\n", "utf-8")
    assert change(name, file, *words).code == 2
    assert file.read_text("utf-8") == "as it was\n"


class Machine:
    """A machine with users of its own: a namespace in which /etc and /home are folders of the test."""

    def __init__(self, folder: Path) -> None:
        self.etc = folder / "etc"
        self.home = folder / "home"
        self._folder = folder
        self._enter = folder / "enter"
        self.etc.mkdir()
        self.home.mkdir()
        files = {
            "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
            "group": "root:x:0:\nusers:x:100:\n",
            "shadow": "root:*:19000:0:99999:7:::\n",
            "gshadow": "root:*::\nusers:!::\n",
            "login.defs": "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nENCRYPT_METHOD SHA512\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
        }
        for name, text in files.items():
            (self.etc / name).write_text(text, "utf-8")
        for name in ("pam.d", "security", "alternatives"):
            shutil.copytree(f"/etc/{name}", self.etc / name, symlinks=True)
        self._enter.write_text(
            f'set -e\nmount --bind "{self.etc}" /etc\nmount --bind "{self.home}" /home\nexec sh "$@"\n', "utf-8"
        )

    def run(self, name: str, *words: str) -> Ran:
        raised = () if os.geteuid() == 0 else ("sudo", "-n", "--preserve-env=OUTPUT_PATH")
        shell = (*raised, "unshare", "--mount", "sh", str(self._enter))
        return run_on_target(f"osbasic/{name}", *words, folder=self._folder / "t", shell=shell)

    def entry(self, file: str, name: str) -> list[str]:
        lines = (self.etc / file).read_text("utf-8").splitlines()
        found = [line.split(":") for line in lines if line.startswith(f"{name}:")]
        return found[0] if found else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_users_and_groups_are_added_once(machine: Machine) -> None:
    assert machine.run("addgroup", "--group", "ops", "--gid", "1500").code == 0
    assert machine.run("addgroup", "--group", "ops").log == "FINE: the group ops is there already\n"
    words = ("--user", "ann", "--uid", "1600", "--group", "ops", "--groups", "users", "--shell", "/bin/bash")
    ran = machine.run("adduser", *words, "--password", "it's: $ecret")
    assert ran.code == 0, ran.log
    assert "ecret" not in ran.log
    assert machine.entry("passwd", "ann")[2:4] == ["1600", "1500"]
    assert machine.entry("passwd", "ann")[5:] == ["/home/ann", "/bin/bash"]
    assert machine.entry("group", "users")[3] == "ann"
    assert (machine.home / "ann").is_dir()
    assert machine.entry("shadow", "ann")[1].startswith("$")
    assert machine.run("adduser", "--user", "ann").log == "FINE: the user ann is there already\n"
    assert machine.run("setuserenv", "--user", "ann", "A=1").code == 0
    assert (machine.home / "ann/.profile").read_text("utf-8").endswith("export A='1'\n")
    assert not Path("/home/ann").exists()


def test_passwords_are_changed_and_made(machine: Machine) -> None:
    assert machine.run("adduser", "--user", "ann").code == 0
    assert machine.run("changeuserpwd", "--user", "ann", "--password", "first").code == 0
    first = machine.entry("shadow", "ann")[1]
    ran = machine.run("resetuserpwd", "--user", "ann", "--length", "20")
    assert (ran.code, machine.entry("shadow", "ann")[1] != first) == (0, True)
    assert ran.outputs is not None
    password = ran.outputs["password"]
    assert len(password) == 20
    assert password not in ran.log
    assert machine.run("resetuserpwd", "--user", "bob").code == 1
    assert machine.run("changeuserpwd", "--user", "bob", "--password", "x").code == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("adduser", ()),
        ("adduser", ("--user", "-x")),
        ("adduser", ("--user", "a:b")),
        ("adduser", ("--user", "a", "--uid", "x")),
        ("addgroup", ("--group", "a b")),
        ("changeuserpwd", ("--user", "root")),
        ("resetuserpwd", ("--user", "root", "--length", "7")),
    ],
)
def test_names_that_are_none_are_refused(machine: Machine, name: str, words: tuple[str, ...]) -> None:
    assert machine.run(name, *words).code == 2

"""Values set by a job, and files made of templates."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tools.running import Ran, run_on_runner
from tests.sshd import Sshd

from pilothouse.settings import for_processes


def test_values_become_outputs(tmp_path: Path) -> None:
    words = ("--facts", '{"list": [1, {"a": "ü"}], "name": "old"}', "name=a=b", "empty=")
    ran = run_on_runner("basic/setfacts", *words, folder=tmp_path)
    assert (ran.code, ran.outputs) == (0, {"list": [1, {"a": "ü"}], "name": "a=b", "empty": ""})


@pytest.mark.parametrize("words", [(), ("nonsense",), ("=x",), ("--facts", "["), ("--facts", "[1]")])
def test_what_sets_nothing_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run_on_runner("basic/setfacts", *words, folder=tmp_path).code == 2


TEMPLATE = """\
# {{ job.id }}: {{ node.name }} {{ node.host }}:{{ node.port }}
{% for item in servers %}
server {{ item }} <{{ loop.index }}>
{% endfor %}
"""


def lay(sshd: Sshd, folder: Path, *words: str, **environment: str) -> Ran:
    node = {"resourceId": 7, "host": "127.0.0.1", "port": 80, "nodeName": "web", "password": "", "protocol": "ssh"}
    reach: dict[str, Any] = {**node, "protocolPort": sshd.port, "username": sshd.user}
    found = {"AUTOEXEC_NODE": json.dumps(reach), **for_processes(sshd.settings()), **environment}
    return run_on_runner("fileops/template", *words, folder=folder, environment=found)


def test_a_template_becomes_a_file_once(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file/conf.j2").write_text(TEMPLATE, "utf-8")
    target = tmp_path / "there/app.conf"
    words = ("--src", "file/conf.j2", "--dest", str(target), "--mode", "640", "--vars")
    ran = lay(sshd, tmp_path, *words, '{"servers": ["a", "b"]}')
    assert (ran.code, ran.outputs) == (0, {"changed": True}), ran.log
    assert target.read_text("utf-8") == "# 1001: web 127.0.0.1:80\n\nserver a <1>\n\nserver b <2>\n\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert lay(sshd, tmp_path, *words, '{"servers": ["a", "b"]}').outputs == {"changed": False}
    assert lay(sshd, tmp_path, *words, '{"servers": ["c"]}').outputs == {"changed": True}
    target.chmod(0o600)
    assert lay(sshd, tmp_path, *words, '{"servers": ["c"]}').outputs == {"changed": True}


@pytest.mark.parametrize(
    ("template", "code", "text"),
    [
        ("{{ nothing }}", 1, "'nothing' is undefined"),
        ("{{ node.password }}", 1, "has no attribute 'password'"),
        ("line\n{% if %}", 1, "--template, line 2"),
        ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ 1 / 0 }}", 1, "division"),
        ("", 2, "give the template"),
    ],
)
def test_a_template_that_cannot_be_filled_in_writes_nothing(
    sshd: Sshd, tmp_path: Path, template: str, code: int, text: str
) -> None:
    target = tmp_path / "x"
    ran = lay(sshd, tmp_path, "--template", template, "--dest", str(target))
    assert (ran.code, text in ran.log, target.exists()) == (code, True, False), ran.log


def test_the_library_that_is_missing_is_named(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/jinja2.py").write_text("raise ImportError('hidden')\n", "utf-8")
    hidden = os.pathsep.join([str(tmp_path / "hidden"), *sys.path])
    ran = lay(sshd, tmp_path, "--template", "x", "--dest", str(tmp_path / "x"), PYTHONPATH=hidden)
    assert (ran.code, "pip install 'pilothouse[templates]'" in ran.log) == (1, True)

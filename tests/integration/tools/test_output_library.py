"""Outputs written by the shell library are valid JSON, whatever the text."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.integration.tools.running import SHELLS

from pilothouse.tools.catalog import BUILT_IN

LIBRARY = BUILT_IN / "remote" / "lib" / "output.sh"
SCRIPTS = sorted(path for path in BUILT_IN.rglob("*") if path.is_file() and path.suffix != ".json")
SHELL_SCRIPTS = [path for path in SCRIPTS if path.suffix == ".sh" or path.read_bytes().startswith(b"#!/bin/sh")]


def save(shell: tuple[str, ...], content: bytes, folder: Path) -> bytes:
    (folder / "value").write_bytes(content)
    script = f'. "{LIBRARY}" && output_open && output_text text "$(cat value; echo .)" && output_file file value'
    script += " && output_list list value /dev/null && output_json json '{\"a\": [1]}' && output_close"
    subprocess.run(
        [*shell, "-c", script], cwd=folder, check=True, env={"PATH": "/usr/bin:/bin", "OUTPUT_PATH": "new/out.json"}
    )
    return (folder / "new" / "out.json").read_bytes()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        st.one_of(
            st.sampled_from("\"\\\t\r\n\x01\x1f\x7f/&'$`é中😀\x80ÿ"),
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        )
    )
)
def test_any_text_survives(shell: tuple[str, ...], tmp_path: Path, text: str) -> None:
    saved = json.loads(save(shell, text.encode(), tmp_path))
    assert saved["file"] == text.removesuffix("\n")
    assert saved["list"] == [saved["file"], ""]
    assert saved["text"] == text + "."
    assert saved["json"] == {"a": [1]}


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_bytes_that_are_not_utf8_become_latin1_characters(shell: tuple[str, ...], tmp_path: Path) -> None:
    content = "fine: é中 ".encode() + b"broken: \xe9 \xc0\xaf \xed\xa0\x80 \xff \xe4\xb8\nnul: \0."
    saved = json.loads(save(shell, content, tmp_path))
    assert saved["file"] == "fine: é中 broken: \xe9 \xc0\xaf \xed\xa0\x80 \xff \xe4\xb8\nnul: ."


def test_a_large_text_is_saved_in_reasonable_time(tmp_path: Path) -> None:
    content = ('one line with "quotes", \\ and ü\n' * 60_000 + "x" * 1_000_000).encode()
    assert json.loads(save(SHELLS[0], content, tmp_path))["file"] == content.decode()


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_understands_every_script(shell: tuple[str, ...], script: Path) -> None:
    done = subprocess.run([*shell, "-n", str(script)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

"""Garbage in every field, through the command lines: a documented exit code and words, never a traceback."""

import contextlib
import copy
import io
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.jobs import Document, document, group, local_nodes, operation, phase

from pilothouse.cli import autoexec, main

MAKE = 'echo \'{"v": 1}\' > "$OUTPUT_PATH"'
JOB: Document = {
    **document(
        "900",
        group(
            0,
            phase(
                "here",
                operation("make", MAKE, "runner", arg=[{"type": "text", "value": "${who}"}], output={"v": {}}),
                phaseType="runner",
            ),
        ),
        group(
            1,
            phase(
                "there",
                {"opId": "native/echo_1", "opName": "native/echo", "opType": "native", "opt": {"message": "a"}},
                operation("work", "exit 0", opt={"pw": "s", "n": "${here.make_1.v}"}, desc={"pw": "password"}),
            ),
            phase("end", operation("last", "exit 0", "runner"), execRound="last"),
            execStrategy="grayScale",
        ),
        opt={"who": "world"},
    ),
    "roundCount": 2,
    "environment": {"COLOUR": "blue"},
    "passThroughEnv": {"runnerId": 1},
    "tenant": "develop",
}
HEADER: Document = {"totalCount": 2, "localRunnerId": 1, "jobRunnerIds": [1]}
NODES: list[Document] = [HEADER, *({**node, "username": "u", "password": "p"} for node in local_nodes(2))]
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["", "-1", "9" * 30, "../x", "a\0b", "\ud800", "x" * 300, "${nope.x_1.y}", "${", "ssh.22"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every value, but for the scripts: a random one would be carried out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        if name != "scriptContent":
            yield (*path, name)
            yield from places(inner, (*path, name))


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    copied = copy.deepcopy(value)
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return copied


def call(program: str, folder: Path, params: str, nodes: str) -> tuple[int, str]:
    """Run a command in this process as its users would; returns its exit code and what it said."""
    (folder / "params.json").write_text(params, "utf-8", "surrogatepass")
    (folder / "nodes.json").write_text(nodes, "utf-8", "surrogatepass")
    words = [str(folder / "params.json"), str(folder / "nodes.json")]
    kept = {name: v for name, v in os.environ.items() if not name.startswith(("PILOTHOUSE_", "AUTOEXEC_", "RUNNER_"))}
    said = io.StringIO()
    here = {**kept, "AUTOEXEC_HOME": str(folder), "PILOTHOUSE_CONNECT_TIMEOUT": "1"}
    with patch.dict(os.environ, here, clear=True), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            if program == "autoexec":
                documents = ["--paramsfile", words[0], "--nodesfile", words[1]]
                code = autoexec.main(["--devmode", "--jobid", "900", "--firstfire", *documents])
            else:
                code = main.main(["job", "run", words[0], "--nodes", words[1], "--data", str(folder / "data")])
        finally:
            # an engine is deaf to it at its end; the processes of later tests must not inherit that
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    return code, said.getvalue()


CODES = {"autoexec": {0, 1, 2, 3}, "pilothouse": {0, 1, 2, 4, 6, 8}}


def judged(program: str, params: str, nodes: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        code, said = call(program, Path(folder), params, nodes)
    assert code in CODES[program], said
    assert "Traceback" not in said
    assert code == 0 or said.strip()
    return code


quietly = {"suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("program", sorted(CODES))
def test_the_document_that_is_changed_runs(program: str) -> None:
    """Otherwise what follows would try refusals only."""
    assert judged(program, json.dumps(JOB), "\n".join(map(json.dumps, NODES))) == 0


@pytest.mark.parametrize("program", sorted(CODES))
@examples(60, **quietly)
@given(path=st.sampled_from(list(places(JOB))), value=ANYTHING)
@example(path=("opt", "who"), value="a\0b")
@example(path=("opt", "who"), value="\ud800")
@example(path=("environment", "COLOUR"), value="a\0b")
@example(path=("runFlow", 0, "phases", 0, "phaseName"), value="../x")
def test_any_value_in_any_field_of_the_job(program: str, path: tuple[str | int, ...], value: Any) -> None:
    judged(program, json.dumps(changed(JOB, path, value)), "\n".join(map(json.dumps, NODES)))


@pytest.mark.parametrize("program", sorted(CODES))
@examples(60, **quietly)
@given(path=st.sampled_from(list(places(NODES))), value=ANYTHING)
@example(path=(1, "nodeName"), value="a\0b")
@example(path=(1, "host"), value="../x")
@example(path=(0, "totalCount"), value=10**30)
def test_any_value_in_any_field_of_a_node(program: str, path: tuple[str | int, ...], value: Any) -> None:
    judged(program, json.dumps(JOB), "\n".join(map(json.dumps, changed(NODES, path, value))))


@pytest.mark.parametrize("program", sorted(CODES))
@examples(30, **quietly)
@given(params=st.text(max_size=30), nodes=st.text(max_size=30))
def test_any_text_for_both_files(program: str, params: str, nodes: str) -> None:
    assert judged(program, params, nodes) in {2, 3}

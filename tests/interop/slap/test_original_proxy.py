"""The original's master as a black box: our library against it, and its own library to prove the checks."""

import re
from pathlib import Path

import pytest
from tests.interop.slap import original_library
from tests.interop.slap.checks import CHECKS, passed_by
from tests.interop.slap.world import World
from tests.originals import Original
from tests.slapproxy import SlapProxy

from pilothouse.slap import client
from pilothouse.slap.marshal_writer import dumps

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def world(proxy: SlapProxy) -> World:
    return World(client, dumps, client.HTTPError, proxy.url, proxy.rest_url)


@pytest.mark.parametrize("name", CHECKS)
def test_our_library_and_the_original_master(world: World, original: Original, name: str) -> None:
    if name in passed_by(original.version):
        CHECKS[name](world)
    else:
        with pytest.raises(AssertionError):
            CHECKS[name](world)


def test_the_original_library_says_the_same_of_its_master(proxy: SlapProxy, original: Original) -> None:
    found = original_library.results(original.python, proxy.url, proxy.rest_url)
    assert found.keys() == CHECKS.keys()
    passes = passed_by(original.version)
    assert {name: text for name, text in found.items() if text and name in passes} == {}


def test_the_example_of_the_documentation_runs(
    proxy: SlapProxy, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"(?ms)^```python\n(.*?)^```", (ROOT / "docs" / "slap-library.md").read_text("utf-8"))
    node = world.node(1)
    code = example.replace("http://127.0.0.1:8080/", proxy.url).replace("COMP-1", node.id)
    exec(compile(code, "slap-library.md", "exec"), {})
    assert capsys.readouterr().out == "started {}\n"
    exec(compile(code.replace("my service", "another"), "slap-library.md", "exec"), {})
    assert capsys.readouterr().out == f"no free partition on {node.id}\n"

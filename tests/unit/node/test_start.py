"""What passes with nothing to do load: their start is most of what they take."""

import subprocess
import sys

import pytest
from tests.serverprocess import SOURCES

HEAVY = ("asyncio", "http.client", "httpx", "lxml", "msgspec", "sqlalchemy", "ssl", "subprocess", "xmlrpc")


@pytest.mark.parametrize("module", ["instance", "report", "pidfile", "configuration"])
def test_nothing_heavy_is_loaded(module: str) -> None:
    text = f"import sys, pilothouse.node.{module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", text], env={"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []

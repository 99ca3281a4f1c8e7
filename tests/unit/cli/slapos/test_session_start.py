"""What client commands load before they ask their master: their start is most of what they take."""

import subprocess
import sys

from tests.serverprocess import SOURCES

HEAVY = ("asyncio", "http.client", "httpx", "lxml", "msgspec", "sqlalchemy", "ssl", "subprocess")


def test_nothing_heavy_is_loaded() -> None:
    text = (
        "import sys, pilothouse.cli.slapos.session, pilothouse.slap.client\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], env={"PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []

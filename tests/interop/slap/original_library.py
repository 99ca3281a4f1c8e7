"""Runs the checks with the original's own library; called with its Python, a master's URL and its hateoas URL.

Prints one JSON object: the name of each check and its traceback, or null where it passed.
"""

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def results(python: Path, url: str, rest_url: str) -> dict[str, str | None]:
    """Return what the checks say of a master through the library that ``python`` has."""
    run = subprocess.run(
        [python, __file__, url, rest_url], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, str | None] = json.loads(run.stdout)
    return found


def _outcome(check: Any, world: Any) -> str | None:
    try:
        check(world)
    except Exception:  # noqa: BLE001 - whatever a check raises is its result
        return traceback.format_exc()
    return None


def _main() -> None:
    sys.path.insert(0, str(ROOT))
    import requests
    import slapos.slap
    from slapos.util import dumps
    from tests.interop.slap.checks import CHECKS
    from tests.interop.slap.world import World

    world = World(slapos.slap, dumps, requests.HTTPError, *sys.argv[1:3])
    json.dump({name: _outcome(check, world) for name, check in CHECKS.items()}, sys.stdout)


if __name__ == "__main__":
    _main()

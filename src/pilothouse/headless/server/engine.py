"""How a session runs a job definition: the public command, as the user's account, with this server's settings."""

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from pilothouse.settings import Settings, for_processes

_ROOT: Final = str(Path(__file__).parents[3])
_BOOT: Final = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pilothouse.cli.main import main; sys.exit(main())"
_HANDED_ON: Final = ("plugins", "operation_timeout", "concurrency", "handshakes", "ssh_path", "proxy_jump", "encodings")


def command(files: Collection[str]) -> list[str]:
    """Return the command that runs the job definition in the current folder."""
    words = [sys.executable, "-P", "-c", _BOOT, _ROOT, "job", "run", "params.json", "--data", "engine", "--json"]
    return [*words, "--nodes", "nodes.json"] if "nodes.json" in files else words


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings that decide how targets are reached; none of them is a secret."""
    found = for_processes(settings)
    for name in _HANDED_ON:
        if value := getattr(settings, name):
            text = os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str(value)
            found[f"PILOTHOUSE_{name.upper()}"] = text
    return found


def equipped(plan: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a job's plan with the environment of the engine, if it is one that the engine runs."""
    return {**plan, "environment": dict(environment)} if plan["kind"] == "definition" else plan

"""What runs on a node, as supervisorctl shows it, without loading it: `slapos node status` is asked by scripts."""

from collections.abc import Sequence
from typing import Any, Final

_LIVING: Final = frozenset({"RUNNING", "STARTING", "BACKOFF"})
_NOT_RUNNING: Final = 3
_NARROWEST: Final = 30


def shown(programs: Sequence[dict[str, Any]]) -> tuple[str, int]:
    """Return the lines for these programs, and the exit code: 3 when one does not run."""
    named = [(_name(program), program) for program in programs]
    width = max((len(name) for name, _ in named), default=0)
    width = max(width, _NARROWEST) + 3
    lines = [f"{name:{width}}{program['statename']:10}{program['description']}\n" for name, program in named]
    living = all(program["statename"] in _LIVING for program in programs)
    return "".join(lines), 0 if living else _NOT_RUNNING


def _name(program: dict[str, Any]) -> str:
    group, name = str(program["group"]), str(program["name"])
    return name if group == name else f"{group}:{name}"

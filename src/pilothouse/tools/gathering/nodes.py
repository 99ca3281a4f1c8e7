"""The outputs of the job's nodes, from the files that the engine keeps in the run folder."""

import json
from pathlib import Path
from typing import Any

from pilothouse.tools.gathering.outputs import Key, NodeOutput, node_of
from pilothouse.tools.program import ToolError, job_nodes, say, work_path


def outputs(key: Key) -> list[NodeOutput]:
    """Return what each node handed back for the key, in the order of the node file; nodes without it are left out.

    Raises ToolError for a file that cannot be read.
    """
    found = []
    for path in _files():
        where = node_of(path.name)
        if where is None:
            continue
        operation = _read(path).get(key.operation)
        if not isinstance(operation, dict) or operation.get(key.name) is None:
            say("WARN", f"{path.stem} has no output {key.operation}.{key.name}")
        else:
            found.append(NodeOutput(where[0], where[1], operation[key.name]))
    return found


def _files() -> list[Path]:
    order = {f"{node.key}.json": place for place, node in enumerate(job_nodes())}
    paths = (work_path() / "output").glob("*.json")
    return sorted(paths, key=lambda path: (order.get(path.name, len(order)), path.name))


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: cannot be read: {error}") from None

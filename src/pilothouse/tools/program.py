"""What the runner's tools written in Python share: parser, node, log lines, outputs, and how they end.

A tool's program under ``plugins/local`` is a few lines that call ``finish`` with the ``main`` of a module here.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from pilothouse.errors import PilothouseError, UsageError
from pilothouse.files import write_atomic
from pilothouse.jobs import nodes
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.secret import Secret

CALLED_WRONGLY: Final = 2
FAILED: Final = 1
_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"", "0", "false", "no", "off"})


class ToolError(PilothouseError):
    """The tool cannot do its work; ``code`` is the exit code that its documentation names for this."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        self.code = code
        super().__init__(text)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in the one way that logs mark as an error."""

    def error(self, message: str) -> NoReturn:
        say("ERROR", message)
        sys.exit(CALLED_WRONGLY)


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser for a tool's options; a wrong call ends with 2."""
    return _Parser(description=description, allow_abbrev=False)


def switch(add: argparse.ArgumentParser, name: str, text: str) -> None:
    """Add an option that is on as a bare flag, and on or off with a value like 1 or 0, as older documents have it."""
    add.add_argument(name, nargs="?", const=True, default=False, type=_truth, help=text, metavar="0|1")


def say(level: str, text: str) -> None:
    """Write one line of the log: ``level`` is INFO, WARN, ERROR or FINE."""
    print(f"{level}: {text}", flush=True)  # noqa: T201 - a tool's output is its log


def finish(main: Callable[[], int]) -> NoReturn:
    """Run a tool and end the process with its exit code; errors become one ERROR line."""
    try:
        code = main()
    except ToolError as error:
        say("ERROR", str(error))
        code = error.code
    except UsageError as error:
        say("ERROR", str(error))
        code = CALLED_WRONGLY
    except (PilothouseError, OSError) as error:
        say("ERROR", str(error))
        code = FAILED
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def work_path() -> Path:
    """Return the run folder of the job."""
    return Path(os.environ.get("AUTOEXEC_WORK_PATH") or Path.cwd())


def node() -> Node:
    """Return the node that this operation is about, as AUTOEXEC_NODE has it; the runner itself when there is none."""
    text = os.environ.get("AUTOEXEC_NODE")
    if not text:
        return LOCAL
    value = json.loads(text)
    if value.get("protocol") == "local" and value.get("host") == LOCAL.host:
        return LOCAL
    return nodes.decode(text, "AUTOEXEC_NODE").nodes[0]


def login_node() -> Node:
    """Return the same node, to log in to: its password comes from the engine unless it is in AUTOEXEC_NODE.

    Raises ToolError when the engine cannot be asked.
    """
    from pilothouse.tools.engine_socket import ask  # noqa: PLC0415 - that module needs this one's errors

    found = node()
    if found.password or found is LOCAL or found.protocol == "local" or not os.environ.get("AUTOEXEC_JOB_SOCK"):
        return found
    reply = ask("nodePassword", phaseName=os.environ.get("AUTOEXEC_PHASE_NAME", ""), resourceId=found.resource_id)
    if "password" not in reply:
        raise ToolError(f"{found.key}: the engine gives no password: {reply.get('error')}")
    return msgspec.structs.replace(found, password=Secret(str(reply["password"])))


def job_nodes() -> tuple[Node, ...]:
    """Return the nodes of the job, those of the file that AUTOEXEC_NODES_PATH names first. Raises DocumentError."""
    whole = work_path() / "nodes.json"
    found: dict[int, Node] = {}
    for path in dict.fromkeys((Path(os.environ.get("AUTOEXEC_NODES_PATH") or whole), whole)):
        if path.is_file():
            for one in nodes.decode(path.read_text("utf-8-sig"), str(path), empty=True).nodes:
                found.setdefault(one.resource_id, one)
    return tuple(found.values())


def opened(found: Node) -> Node:
    """Return the node with its password in plain text, as the engine would have handed it over."""
    from pilothouse.tools.passwords import vault  # noqa: PLC0415 - loads cryptography; few tools need it

    keys = vault()
    return msgspec.structs.replace(
        found, password=Secret(keys.open(found.password)), access=found.access.opened(keys.open)
    )


def save(outputs: dict[str, Any]) -> None:
    """Hand back the outputs in the file that OUTPUT_PATH names."""
    content = json.dumps(outputs, ensure_ascii=False).encode("utf-8", "surrogateescape")
    write_atomic(Path(os.environ.get("OUTPUT_PATH") or "output.json"), content, mode=0o600)


def _truth(text: str) -> bool:
    if text.lower() in _ON:
        return True
    if text.lower() in _OFF:
        return False
    raise argparse.ArgumentTypeError(f"{text!r}; allowed: 1 or 0")

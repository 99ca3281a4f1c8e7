"""``basic/createjob``: a job of a composition that the control server knows by name (spec section 8.6, 25)."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pilothouse.controlserver import calls
from pilothouse.controlserver.replies import ServerUnavailableError
from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.program import ToolError
from pilothouse.tools.server import ControlServer, required

OUTPUT: Final = "createdJobId"
_REFIRE: Final = "refireAll"


def main() -> int:
    """Create the job, or start the one again that this operation created before."""
    options = _options()
    order = body(options)
    server = required("basic/createjob").as_user(os.environ.get("AUTOEXEC_USER", ""))
    job_id = _before()
    if job_id:
        server.ask(calls.JOB_REFIRE, {"jobId": job_id, "type": _REFIRE})
        program.say("FINE", f"job {job_id}, created before, is started again")
    else:
        job_id = _created(server, order)
        program.say("FINE", f"job {job_id} is created")
    program.save({OUTPUT: job_id})
    return 0


def body(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the server is asked for. Raises UsageError."""
    found: dict[str, Any] = {
        "combopName": options.combopname,
        "name": options.jobname or options.combopname,
        "source": "combop",
        "param": parameters(options.pairs),
        "parentId": os.environ.get("AUTOEXEC_JOBID", ""),
    }
    further = {
        "scenarioName": options.scenario,
        "roundCount": options.roundcount,
        "triggerType": options.trigger,
        "planStartTime": options.planstarttime,
        "assignExecUser": os.environ.get("AUTOEXEC_USER", ""),
        "executeConfig": _targets(options),
    }
    return found | {name: value for name, value in further.items() if value}


def parameters(words: Sequence[str]) -> dict[str, str]:
    """Return the parameters in ``name=value`` words. Raises UsageError."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r} is no parameter; allowed: name=value")
        found[name] = value
    return found


def machines(text: str) -> list[dict[str, Any]]:
    """Return the nodes in ``ip[:port][/name]``, separated by commas or blanks. Raises UsageError."""
    found = []
    for word in text.replace(",", " ").split():
        address, _, name = word.partition("/")
        host, colon, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "")
        if not host or (colon and not port.isdecimal()):
            raise UsageError(f"--nodes: {word!r}; allowed: ip, ip:port, ip:port/name")
        found.append({"ip": host, **({"port": int(port)} if port else {}), **({"name": name} if name else {})})
    return found


def _targets(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.protocol:
        found["protocol"] = options.protocol
    if options.executeuser:
        found["executeUser"] = {"mappingMode": "constant", "value": options.executeuser}
    if nodes := machines(options.nodes):
        found |= {"executeNodeConfig": {"inputNodeList": nodes}, "whenToSpecify": "now"}
    return found


def _created(server: ControlServer, order: dict[str, Any]) -> str:
    try:
        answer = server.ask_once(calls.JOB_CREATE, order)
    except ServerUnavailableError as error:
        raise ToolError(f"{error}; look there whether the job was created before you run this again") from None
    job_id = answer.get("jobId") if isinstance(answer, dict) else answer
    if job_id in {None, ""} or isinstance(job_id, list | dict):
        raise ToolError("the control server does not say which job it created")
    return str(job_id)


def _before() -> str:
    """Return the job that this operation created in an earlier run; nothing when there is none.

    Its own output file counts first: it is there though the run was killed before outputs were gathered.
    """
    own, operation = os.environ.get("OUTPUT_PATH", ""), os.environ.get("OPERATION_ID", "")
    if found := _read(own).get(OUTPUT):
        return str(found)
    if not own.endswith(f"/{operation}.json"):
        # a turn of a loop: what the node's outputs hold for this operation was created by another turn
        return ""
    gathered = _read(os.environ.get("NODE_OUTPUT_PATH", "")).get(operation)
    return str(gathered.get(OUTPUT) or "") if isinstance(gathered, dict) else ""


def _read(path: str) -> dict[str, Any]:
    """Return the object in a file of outputs; an empty one when there is no file. Raises ToolError."""
    if not path or not Path(path).is_file():
        return {}
    try:
        found = json.loads(Path(path).read_text("utf-8") or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ToolError(f"{path} cannot be read as outputs; whether the job was created before is not known")
    return found


def _options() -> argparse.Namespace:
    add = program.parser("Create a job of a composition on the control server.")
    add.add_argument("--combopname", required=True)
    add.add_argument("--jobname", default="")
    add.add_argument("--scenario", default="")
    add.add_argument("--roundcount", type=int, default=0)
    add.add_argument("--trigger", choices=("auto", "manual"), default="auto")
    add.add_argument("--planstarttime", type=int, default=0)
    add.add_argument("--protocol", default="")
    add.add_argument("--executeuser", default="")
    add.add_argument("--nodes", default="")
    add.add_argument("pairs", nargs="*")
    return add.parse_args()

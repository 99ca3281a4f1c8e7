"""The environment that operations see (spec sections 3.4 to 3.6). Pure."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from pilothouse.engine.workspace import Workspace
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.references import as_text
from pilothouse.jobs.turns import operation_of

Pairs = tuple[tuple[str, str], ...]

_PROTECTED: Final = re.compile(r"(PATH|HOME|SHELL|IFS|ENV|BASH_ENV|USER|LOGNAME|LD_.*|PYTHON.*|PERL.*|AUTOEXEC_.*)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for every operation of a run."""

    job_id: str
    tenant: str
    user: str
    runner_id: int
    pid: int
    home: str
    dev_mode: bool
    pass_through: str
    options: dict[str, str]
    environment: dict[str, Any]


def exported(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the values that may enter the environment.

    Names that are none or are protected (D47), and values that no environment can carry, stay out.
    """
    return {
        name: as_text(value)
        for name, value in values.items()
        if _NAME.fullmatch(name) and not _PROTECTED.fullmatch(name) and "\0" not in as_text(value)
    }


def is_protected(name: str) -> bool:
    """Whether a variable is the runner's own, so that no job may set it for all its operations (D47)."""
    return _PROTECTED.fullmatch(name) is not None


def job_environment(facts: JobFacts, space: Workspace) -> dict[str, str]:
    """Return the variables of a job, for processes on the runner."""
    found = {
        **exported(facts.options),
        **exported(facts.environment),
        "AUTOEXEC_JOBID": facts.job_id,
        "AUTOEXEC_WORK_PATH": str(space.root),
        "AUTOEXEC_TENANT": facts.tenant,
        "AUTOEXEC_HOME": facts.home,
        "AUTOEXEC_PID": str(facts.pid),
        "AUTOEXEC_USER": facts.user,
        "RUNNER_ID": str(facts.runner_id),
        "TENANT": facts.tenant,
        "tenant": facts.tenant,
        "PASSTHROUGH_ENV": facts.pass_through,
        "JOB_PATH": str(space.root),
        "JOB_PARAMS_PATH": str(space.params),
        "HISTSIZE": "0",
        "TERM": "dumb",
    }
    if facts.dev_mode:
        found["AUTOEXEC_DEV_MODE"] = "1"
    return found


def runner_environment(
    space: Workspace,
    group: int,
    phase: str,
    node: Node,
    key: str,
    libraries: tuple[str, ...],
    inherited: Mapping[str, str],
    *,
    per_node: bool,
    password: bool = False,
    nodes_file: Path | None = None,
) -> Pairs:
    """Return what an operation on the runner sees besides the job's variables and the ``inherited`` ones.

    ``key`` is the name under which the operation is recorded. ``libraries`` are the folders put before the
    inherited search paths, for built-in tools. The node's password is there only with ``password``: the environment
    of a process can be listed. ``nodes_file`` is the one whose nodes the phase takes, by default the job's.
    """
    output = space.operation_output(node, key)
    found = {
        "GROUP_NO": str(group),
        "OUTPUT_DIR": str(space.root / "output-op" / node.key),
        "OUTPUT_PATH": str(output),
        "OPERATION_ID": operation_of(key),
        "LIVEDATA_PATH": str(space.livedata(phase, node, key)),
        "NODE_OUTPUT_PATH": str(space.output(node)),
        "AUTOEXEC_PHASE_NAME": phase,
        "AUTOEXEC_NODE": node_document(node, node.password.reveal() if password else ""),
        "AUTOEXEC_NODES_PATH": str(nodes_file or space.nodes),
    }
    if per_node:
        found |= _node_names(node)
    for name in ("PATH", "PYTHONPATH", "PERL5LIB") if libraries else ():
        # relative ones are meant from the engine's folder; the operation runs in another
        old = (os.path.abspath(part) for part in inherited.get(name, "").split(":") if part)  # noqa: PTH100 - of text
        found[name] = ":".join((*libraries, *old))
    return tuple(found.items())


def target_environment(facts: JobFacts, phase: str, node: Node, operation: str, output: str) -> Pairs:
    """Return what an operation on a target node sees besides its login's environment; never a password."""
    return tuple(
        {
            "HISTSIZE": "0",
            **_node_names(node),
            **_instance_paths(facts.environment, node),
            "AUTOEXEC_JOBID": facts.job_id,
            "AUTOEXEC_NODE": node_document(node, ""),
            "AUTOEXEC_PHASE_NAME": phase,
            "AUTOEXEC_TENANT": facts.tenant,
            "OPERATION_ID": operation,
            "OUTPUT_PATH": output,
        }.items()
    )


def node_document(node: Node, password: str) -> str:
    """Return the node as operations get it, in the words of the node file."""
    return json.dumps(
        {
            **node.attributes,
            "resourceId": node.resource_id,
            "nodeName": node.name,
            "nodeType": node.type,
            "host": node.host,
            "port": node.port,
            "protocol": node.protocol,
            "protocolPort": node.protocol_port,
            "username": node.username,
            "password": password,
            "runnerId": node.runner_id,
        },
        ensure_ascii=False,
    )


def reference_names(facts: JobFacts, node: Node, everywhere: Mapping[str, str]) -> dict[str, Any]:
    """Return the names besides job parameters that references may use: never the runner's own environment (D25).

    ``everywhere`` are the job's variables that were set while it ran.
    """
    named = {} if node is LOCAL else {**_node_names(node), "RESOURCE_ID": str(node.resource_id)}
    instance = {
        "INS_NAME": node.name,
        "INS_HOST": node.host,
        "INS_PORT": "" if node.port is None else str(node.port),
        "NODE_PROTOCOL_PORT": str(node.protocol_port or ""),
        "INS_PROTOCOL_PORT": str(node.protocol_port or ""),
        **_instance_paths({**facts.environment, **everywhere}, node),
    }
    return {
        **facts.environment,
        **everywhere,
        **(instance if named else {}),
        **named,
        "AUTOEXEC_JOBID": facts.job_id,
        "AUTOEXEC_USER": facts.user,
        "AUTOEXEC_TENANT": facts.tenant,
    }


def _instance_paths(known: Mapping[str, Any], node: Node) -> dict[str, str]:
    """Return where a node stands in its deployment, by names and by ids; nothing for what is not ``known``."""
    own = {"INS_PATH": ("NAME_PATH", node.name), "INS_ID_PATH": ("ID_PATH", str(node.resource_id))}
    return {name: f"{as_text(known[path])}/{last}" for name, (path, last) in own.items() if known.get(path)}


def _node_names(node: Node) -> dict[str, str]:
    port = "" if node.port is None else str(node.port)
    return {"NODE_HOST": node.host, "NODE_PORT": port, "NODE_NAME": node.name}

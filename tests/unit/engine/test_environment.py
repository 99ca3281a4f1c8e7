"""Environments of operations: documented names, protected names, no password on targets (spec sections 3.4 to 3.6)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.engine.samples import NODE

from pilothouse.engine.environment import (
    JobFacts,
    exported,
    job_environment,
    node_document,
    reference_names,
    runner_environment,
    target_environment,
)
from pilothouse.engine.workspace import Workspace, workspace
from pilothouse.jobs.nodes import LOCAL, decode

FACTS = JobFacts(
    job_id="1002",
    tenant="develop",
    user="admin",
    runner_id=3,
    pid=4711,
    home="/opt/autoexec",
    dev_mode=False,
    pass_through='{"runnerId":3}',
    options={"who": "world", "PATH": "/evil", "TENANT": "other"},
    environment={"COLOUR": "blue", "LIST": [1, "a"]},
)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, "1002")


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PERL5LIB", "BASH_ENV", "IFS", "AUTOEXEC_JOBID"],
)
def test_protected_names_stay_out(name: str) -> None:
    assert exported({name: "x", "free": "y"}) == {"free": "y"}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a=b", "a-b", "\u540d", "a\n"])
def test_names_that_no_shell_knows_stay_out(name: str) -> None:
    assert exported({name: "x"}) == {}


def test_values_become_text() -> None:
    assert exported({"a": 5, "b": {"x": 1}, "c": "as is", "d": "a\0b"}) == {"a": "5", "b": '{"x": 1}', "c": "as is"}


def test_the_jobs_variables(space: Workspace) -> None:
    found = job_environment(FACTS, space)
    assert found == {
        "who": "world",
        "COLOUR": "blue",
        "LIST": '[1, "a"]',
        "AUTOEXEC_JOBID": "1002",
        "AUTOEXEC_WORK_PATH": str(space.root),
        "AUTOEXEC_TENANT": "develop",
        "AUTOEXEC_HOME": "/opt/autoexec",
        "AUTOEXEC_PID": "4711",
        "AUTOEXEC_USER": "admin",
        "RUNNER_ID": "3",
        "TENANT": "develop",
        "tenant": "develop",
        "PASSTHROUGH_ENV": '{"runnerId":3}',
        "JOB_PATH": str(space.root),
        "JOB_PARAMS_PATH": str(space.params),
        "HISTSIZE": "0",
        "TERM": "dumb",
    }
    assert job_environment(msgspec.structs.replace(FACTS, dev_mode=True), space)["AUTOEXEC_DEV_MODE"] == "1"


def test_an_operation_on_the_runner(space: Workspace) -> None:
    found = dict(
        runner_environment(
            space, 2, "deploy", LOCAL, "grp/op_1", ("/p", "/p/lib"), {"PATH": "/bin", "HOME": "/x"}, per_node=False
        )
    )
    assert found.pop("AUTOEXEC_NODE")
    assert found == {
        "GROUP_NO": "2",
        "OUTPUT_DIR": f"{space.root}/output-op/local-0-0",
        "OUTPUT_PATH": f"{space.root}/output-op/local-0-0/grp/op_1.json",
        "OPERATION_ID": "grp/op_1",
        "LIVEDATA_PATH": f"{space.root}/livedata/deploy/local-0-0/grp/op_1.json",
        "NODE_OUTPUT_PATH": f"{space.root}/output/local-0-0.json",
        "AUTOEXEC_PHASE_NAME": "deploy",
        "AUTOEXEC_NODES_PATH": f"{space.root}/nodes.json",
        "PATH": "/p:/p/lib:/bin",
        "PYTHONPATH": "/p:/p/lib",
        "PERL5LIB": "/p:/p/lib",
    }


def test_an_operation_on_the_runner_for_a_node(space: Workspace) -> None:
    found = dict(runner_environment(space, 0, "deploy", NODE, "op_1", (), {"PATH": "/bin"}, per_node=True))
    assert (found["NODE_HOST"], found["NODE_PORT"], found["NODE_NAME"]) == ("10.0.0.1", "7001", "web")
    assert "Pa55" not in str(found)
    assert json.loads(found["AUTOEXEC_NODE"])["password"] == ""
    assert "PATH" not in found
    found = dict(runner_environment(space, 0, "p", NODE, "op_1", (), {}, per_node=True, password=True))
    assert json.loads(found["AUTOEXEC_NODE"])["password"] == "Pa55.word!"


def test_an_operation_on_a_target_gets_no_password() -> None:
    found = dict(target_environment(FACTS, "deploy", NODE, "op_1", "/tmp/x/output.json"))
    assert "Pa55" not in str(found)
    assert json.loads(found.pop("AUTOEXEC_NODE"))["password"] == ""
    assert found == {
        "HISTSIZE": "0",
        "NODE_HOST": "10.0.0.1",
        "NODE_PORT": "7001",
        "NODE_NAME": "web",
        "AUTOEXEC_JOBID": "1002",
        "AUTOEXEC_PHASE_NAME": "deploy",
        "AUTOEXEC_TENANT": "develop",
        "OPERATION_ID": "op_1",
        "OUTPUT_PATH": "/tmp/x/output.json",
    }


def test_a_node_document_is_a_node_file_again() -> None:
    (again,) = decode(node_document(NODE, NODE.password.reveal()), "nodes.json").nodes
    assert again == NODE


def test_an_absent_port_is_empty() -> None:
    node = msgspec.structs.replace(NODE, port=None)
    assert dict(target_environment(FACTS, "p", node, "o", ""))["NODE_PORT"] == ""


def test_names_for_references() -> None:
    found: dict[str, Any] = reference_names(FACTS, NODE, {})
    assert (found["RESOURCE_ID"], found["NODE_NAME"], found["NODE_HOST"]) == ("5001", "web", "10.0.0.1")
    assert (found["NODE_PORT"], found["INS_PORT"], found["NODE_PROTOCOL_PORT"]) == ("7001", "7001", "2200")
    assert (found["COLOUR"], found["AUTOEXEC_JOBID"]) == ("blue", "1002")
    assert not {"HOME", "PATH", "USER"} & set(found)


def test_the_runner_itself_has_no_node_names() -> None:
    assert not {"NODE_HOST", "RESOURCE_ID", "INS_NAME"} & set(reference_names(FACTS, LOCAL, {}))


def test_nodes_of_a_deployment_have_instance_paths() -> None:
    deployed = {"NAME_PATH": "shop/web/prod", "ID_PATH": "1/2/3"}
    paths = {"INS_PATH": "shop/web/prod/web", "INS_ID_PATH": "1/2/3/5001"}
    facts = msgspec.structs.replace(FACTS, environment=deployed)
    assert paths.items() <= reference_names(facts, NODE, {}).items()
    assert paths.items() <= dict(target_environment(facts, "deploy", NODE, "op_1", "")).items()
    assert paths.items() <= reference_names(FACTS, NODE, deployed).items()
    assert not paths.keys() & reference_names(facts, LOCAL, {}).keys()


@pytest.mark.parametrize("given", [{}, {"NAME_PATH": "", "ID_PATH": None}])
def test_without_a_deployment_there_are_no_instance_paths(given: dict[str, Any]) -> None:
    facts = msgspec.structs.replace(FACTS, environment=given)
    found = {**reference_names(facts, NODE, {}), **dict(target_environment(facts, "p", NODE, "o", ""))}
    assert not {"INS_PATH", "INS_ID_PATH"} & set(found)

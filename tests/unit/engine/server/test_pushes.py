"""Events as the documented bodies, byte for byte (autoexec-console.md, annex A.1)."""

import json

import pytest

from pilothouse.controlserver import calls
from pilothouse.engine.events import (
    Event,
    JobEnded,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    Notice,
    PhaseEnded,
    PhaseStarted,
)
from pilothouse.engine.server import pushes
from pilothouse.engine.server.pushes import Facts, Translator
from pilothouse.jobs.nodes import LOCAL, Node
from pilothouse.jobs.states import State, Tally

FACTS = Facts(job_id="624490098515988", runner_id=1, pass_through={"runnerId": 1, "groupSort": 1, "isFirstFire": 0})
WEB = Node(resource_id=7001, host="127.0.0.1", port=8081)
STARTED = PhaseStarted(at=1795332262.0270264, group=1, phase="rollout", total=3, parallel=2)


def body_of(event: Event) -> str:
    translator = Translator(FACTS)
    translator.pushes(STARTED)
    (push,) = translator.pushes(event)
    return push.body


def test_phase_running() -> None:
    assert body_of(STARTED) == (
        '{"jobId": "624490098515988", "groupNo": 1, "phase": "rollout", "status": "running", "failNodeCount": 0, '
        '"sucNodeCount": 0, "skipNodeCount": 0, "ignoreFailNodeCount": 0, "warnCount": 0, "time": 1795332262.0270264, '
        '"passThroughEnv": {"runnerId": 1, "groupSort": 1, "isFirstFire": 0}}'
    )


def test_node_running() -> None:
    assert body_of(NodeStarted(at=1795332262.5853846, phase="rollout", node=WEB)) == (
        '{"jobId": "624490098515988", "groupNo": 1, "phase": "rollout", "resourceId": 7001, "host": "127.0.0.1", '
        '"port": 8081, "status": "running", "failIgnore": 0, "warnCount": 0, "time": 1795332262.5853846, '
        '"passThroughEnv": {"runnerId": 1, "groupSort": 1, "isFirstFire": 0}}'
    )


def test_phase_succeeded_with_its_counts() -> None:
    event = PhaseEnded(
        at=2.5, group=1, phase="rollout", state=State.SUCCEEDED, tally=Tally(succeeded=2, skipped=1), warnings=4
    )
    assert json.loads(body_of(event)) == {
        "jobId": "624490098515988",
        "groupNo": 1,
        "phase": "rollout",
        "status": "succeed",
        "failNodeCount": 0,
        "sucNodeCount": 2,
        "skipNodeCount": 1,
        "ignoreFailNodeCount": 0,
        "warnCount": 4,
        "time": 2.5,
        "passThroughEnv": {"runnerId": 1, "groupSort": 1, "isFirstFire": 0},
    }


def test_the_runner_itself_is_the_documented_pseudo_node() -> None:
    found = json.loads(body_of(NodeStarted(at=1.0, phase="rollout", node=LOCAL)))
    assert (found["resourceId"], found["host"], found["port"]) == (0, "local", 0)


def test_fire_next() -> None:
    assert pushes.fire_push(FACTS, 0, 1795332255.6253145).body == (
        '{"jobId": "624490098515988", "runnerId": 1, "groupNo": 0, "time": 1795332255.6253145, '
        '"passThroughEnv": {"runnerId": 1, "groupSort": 1, "isFirstFire": 0}}'
    )


def test_variables_keep_their_characters() -> None:
    push = pushes.variable_push(FACTS, "CITY", "北京", 1.5, hidden=True)
    assert push.path == calls.SET_VARIABLE
    assert '"envName": "CITY", "envValue": "北京", "isHidden": 1, "time": 1.5' in push.body


@pytest.mark.parametrize(
    ("state", "operations", "ignored"),
    [
        (State.SUCCEEDED, {"a": State.SUCCEEDED}, 0),
        (State.IGNORED, {"a": State.FAILED, "b": State.SUCCEEDED}, 1),
        (State.FAILED, {"a": State.FAILED}, 0),
        (State.FAILED, {"a": State.FAILED, "b": State.FAILED}, 1),
    ],
)
def test_ignored_failures_are_marked(state: State, operations: dict[str, State], ignored: int) -> None:
    event = NodeEnded(
        at=1.0, phase="rollout", node=WEB, state=state, reason="", seconds=1, warnings=3, operations=operations
    )
    found = json.loads(body_of(event))
    assert (found["failIgnore"], found["warnCount"]) == (ignored, 3)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.IGNORED])
def test_a_node_done_before_is_reported_again(state: State) -> None:
    found = json.loads(body_of(NodeSkipped(at=1.0, phase="rollout", node=WEB, state=state, warnings=2)))
    assert found["warnCount"] == 2
    assert found["status"] == {"succeeded": "succeed"}.get(state, state)


@pytest.mark.parametrize(
    ("state", "told"),
    [(State.ABORTED, True), (State.PAUSED, True), (State.SUCCEEDED, False), (State.FAILED, False)],
)
def test_only_a_stopped_job_is_reported_as_such(state: State, told: bool) -> None:
    event = JobEnded(at=3.5, job_id="1", state=state, tally=Tally(), seconds=1)
    found = Translator(FACTS).pushes(event)
    assert [push.path for push in found] == [calls.JOB_STATUS] * told
    if told:
        assert list(json.loads(found[0].body)) == ["jobId", "time", "status", "passThroughEnv"]


def test_other_events_are_none_of_the_servers_business() -> None:
    assert Translator(FACTS).pushes(Notice(at=1.0, level="INFO", text="x")) == []


def test_a_question_is_told_of_node_and_phase_and_its_answer_of_the_node() -> None:
    translator = Translator(FACTS)
    translator.pushes(STARTED)
    asked = translator.pushes(NodeWaiting(at=1.0, phase="rollout", node=WEB, interact={"title": "go on?"}))
    assert [(push.path, json.loads(push.body)["status"]) for push in asked] == [
        (calls.NODE_STATUS, "waitInput"),
        (calls.PHASE_STATUS, "waitInput"),
    ]
    (answered,) = translator.pushes(NodeWaiting(at=2.0, phase="rollout", node=WEB, interact=None))
    assert json.loads(answered.body)["status"] == "running"

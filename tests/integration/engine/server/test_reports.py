"""What the server hears of a run: which calls, in which order, with which bodies."""

import json
import socket
from typing import Any

from tests.console import Console, Reply, envelope, refusal
from tests.jobs import document, group, local_nodes, operation, phase
from tests.underserver import ServerBench

from pilothouse.controlserver import calls
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State

PASS = {"runnerId": 1, "x": "y", "groupSort": 0}
TWO = local_nodes(2)


def job(job_id: str, script: str = "true", **fields: Any) -> Any:
    return document(job_id, group(0, phase("roll", operation("do", script), roundCount=2)), **fields)


async def test_check_24_order_of_the_reports_of_one_phase(console: Console, served: ServerBench) -> None:
    served.give(job("4001"), TWO)
    result = await served.run("4001")
    assert result.state is State.SUCCEEDED
    assert console.pushes() == [
        ("phase", "roll", "running"),
        ("node", "roll", "5001", "running"),
        ("node", "roll", "5001", "succeed"),
        ("node", "roll", "5002", "running"),
        ("node", "roll", "5002", "succeed"),
        ("phase", "roll", "succeed"),
        ("fire", "0"),
    ]


async def test_check_24_and_27_bodies_are_the_documented_ones(console: Console, served: ServerBench) -> None:
    served.give(job("4002", 'echo "WARN: half full"; [ "$NODE_PORT" = 7001 ]', execUser="u"), TWO)
    result = await served.run("4002", pass_through=PASS)
    assert result.state is State.FAILED
    bodies = [request.body for request in console.of(calls.NODE_STATUS, calls.PHASE_STATUS)]
    assert all(isinstance(body.pop("time"), float) for body in bodies)
    common = {"jobId": "4002", "groupNo": 0, "phase": "roll", "passThroughEnv": PASS}
    node = {**common, "host": "127.0.0.1", "failIgnore": 0}
    first = {**node, "resourceId": 5001, "port": 7001}
    second = {**node, "resourceId": 5002, "port": 7002}
    zero = {"failNodeCount": 0, "sucNodeCount": 0, "skipNodeCount": 0, "ignoreFailNodeCount": 0, "warnCount": 0}
    warnings = bodies[4].pop("warnCount")
    total = bodies[5].pop("warnCount")
    assert warnings > 0
    assert total == warnings + 1
    counts = {"failNodeCount": 1, "sucNodeCount": 1, "skipNodeCount": 0, "ignoreFailNodeCount": 0}
    assert bodies == [
        {**common, "status": "running", **zero},
        {**first, "status": "running", "warnCount": 0},
        {**first, "status": "succeed", "warnCount": 1},
        {**second, "status": "running", "warnCount": 0},
        {**second, "status": "failed"},
        {**common, "status": "failed", **counts},
    ]
    assert console.of(calls.FIRE_NEXT) == []


async def test_fire_next_names_runner_and_last_group(console: Console, served: ServerBench) -> None:
    doc = document(
        "4003",
        *(group(n, phase(f"p{n}", operation("do", "true", "runner"))) for n in range(3)),
        passThroughEnv={"a": 1},
    )
    served.give(doc, TWO)
    await served.run("4003", selection=Selection(groups=(1, 2)), pass_through={"runnerId": 1})
    (fired,) = console.of(calls.FIRE_NEXT)
    assert isinstance(fired.body.pop("time"), float)
    assert fired.body == {"jobId": "4003", "runnerId": 1, "groupNo": 2, "passThroughEnv": {"a": 1, "runnerId": 1}}
    assert {body[1] for body in console.pushes() if body[0] == "phase"} == {"p1", "p2"}


async def test_nofirenext_fires_nothing(console: Console, served: ServerBench) -> None:
    served.give(job("4004"), TWO)
    await served.run("4004", fire_next=False)
    assert console.of(calls.FIRE_NEXT) == []
    assert console.pushes()[-1] == ("phase", "roll", "succeed")


async def test_the_job_is_free_before_the_next_group_is_asked_for(console: Console, served: ServerBench) -> None:
    from pilothouse.engine.workspace import engine_pid

    served.give(job("4005"), TWO)
    engines: list[int | None] = []

    def fired(request: Any) -> Reply:
        engines.append(engine_pid(served.space("4005")))
        return envelope()

    console.answers[calls.FIRE_NEXT] = fired
    await served.run("4005")
    assert engines == [None]


async def test_check_26_a_failure_elsewhere_stops_the_job(console: Console, served: ServerBench) -> None:
    doc = document(
        "4006",
        group(0, phase("one", operation("do", "true")), roundCount=0),
        group(1, phase("two", operation("do2", "true", "runner"))),
    )
    served.give(doc, TWO)
    console.answers[calls.NODE_STATUS] = lambda request: envelope({"hasFailNode": 1})
    result = await served.run("4006")
    assert result.state is State.FAILED
    assert ("phase", "two", "running") not in console.pushes()
    assert console.of(calls.FIRE_NEXT) == []


async def test_check_28_three_faults_at_a_node_status_change_nothing(console: Console, served: ServerBench) -> None:
    served.give(job("4007"), TWO)
    console.faults[calls.NODE_STATUS].extend([refusal(500, "oops")] * 3)
    result = await served.run("4007")
    assert result.state is State.SUCCEEDED
    unique = list(dict.fromkeys(console.pushes()))
    assert unique[1:3] == [("node", "roll", "5001", "running"), ("node", "roll", "5001", "succeed")]
    assert unique[-1] == ("fire", "0")
    assert served.unsent == 0


async def test_a_status_that_the_server_refuses_is_dropped_with_a_warning(
    console: Console, served: ServerBench
) -> None:
    served.give(job("4008"), TWO)
    console.faults[calls.NODE_STATUS].append(refusal(520, "unknown node"))
    result = await served.run("4008")
    assert result.state is State.SUCCEEDED
    assert served.unsent == 0
    assert "unknown node" in served.said


async def test_a_refused_phase_status_lets_the_next_start_fetch_the_nodes_again(
    console: Console, served: ServerBench
) -> None:
    served.give(job("4009"), TWO)
    console.faults[calls.PHASE_STATUS].append(refusal(520, "unknown phase"))
    await served.run("4009")
    assert served.space("4009").nodes.stat().st_mtime == 0


async def test_nodes_done_before_are_reported_again(console: Console, served: ServerBench) -> None:
    served.give(job("4010", f'[ "$NODE_PORT" = 7001 ] || [ -e {served.settings.data}/mended ]'), TWO)
    assert (await served.run("4010")).state is State.FAILED
    (served.settings.data / "mended").touch()
    console.requests.clear()
    assert (await served.run("4010", first=False)).state is State.SUCCEEDED
    assert console.pushes() == [
        ("phase", "roll", "running"),
        ("node", "roll", "5001", "succeed"),
        ("node", "roll", "5002", "running"),
        ("node", "roll", "5002", "succeed"),
        ("phase", "roll", "succeed"),
        ("fire", "0"),
    ]
    last = console.of(calls.PHASE_STATUS)[-1].body
    assert (last["sucNodeCount"], last["skipNodeCount"]) == (1, 1)
    assert console.of(calls.PARAMS) == []


async def test_warnings_of_nodes_done_before_are_not_forgotten(console: Console, served: ServerBench) -> None:
    served.give(job("4016", f'echo "WARN: x"; [ "$NODE_PORT" = 7001 ] || [ -e {served.settings.data}/mended ]'), TWO)
    await served.run("4016")
    (served.settings.data / "mended").touch()
    console.requests.clear()
    await served.run("4016", first=False)
    told = [request.body for request in console.of(calls.NODE_STATUS) if request.body["resourceId"] == 5001]
    assert [(body["status"], body["warnCount"]) for body in told] == [("succeed", 1)]


async def test_an_ignored_failure_is_marked(console: Console, served: ServerBench) -> None:
    served.give(document("4011", group(0, phase("roll", operation("do", "exit 3", failIgnore=1)))), local_nodes(1))
    assert (await served.run("4011")).state is State.COMPLETED
    ended = console.of(calls.NODE_STATUS)[-1].body
    assert (ended["status"], ended["failIgnore"]) == ("ignored", 1)
    last = console.of(calls.PHASE_STATUS)[-1].body
    assert (last["status"], last["ignoreFailNodeCount"]) == ("completed", 1)
    assert console.pushes()[-1] == ("fire", "0")


async def test_a_job_that_cannot_be_prepared_is_reported_and_raised(console: Console, served: ServerBench) -> None:
    import pytest

    from pilothouse.errors import PilothouseError

    doc = document("4012", group(0, phase("roll", {**operation("do", ""), "scriptContent": None, "scriptId": 77})))
    served.give(doc, TWO)
    with pytest.raises(PilothouseError, match="script not found"):
        await served.run("4012")
    assert console.pushes() == [("phase", "roll", "aborted")]


async def test_a_slow_server_is_waited_for_as_long_as_it_takes_reports(console: Console, served: ServerBench) -> None:
    served.give(job("4013"), local_nodes(6))
    console.answers[calls.NODE_STATUS] = lambda request: _slowly(console)
    await served.run("4013", limits={"grace": 0.5})
    assert served.unsent == 0
    assert console.pushes()[-1] == ("fire", "0")


def _slowly(console: Console) -> Reply:
    console.wait(0.2)
    return envelope()


async def test_a_second_engine_is_refused_and_reports_nothing(console: Console, served: ServerBench) -> None:
    import pytest

    from pilothouse.engine.workspace import JobLock
    from pilothouse.errors import JobBusyError

    served.give(job("4014"), TWO)
    space = served.space("4014")
    space.create()
    lock = JobLock(space)
    lock.acquire()
    with pytest.raises(JobBusyError):
        await served.run("4014")
    lock.release()
    assert console.pushes() == []


async def test_check_52_rounds_go_on_when_the_server_says_so_and_after_the_nodes_states(
    console: Console, served: ServerBench
) -> None:
    doc = document("4015", group(0, phase("g", operation("do", "true")), execStrategy="grayScale", roundCount=2))
    served.give(doc, local_nodes(2), jobRunnerIds=[1, 2])
    heard: list[tuple[int, int]] = []

    def ended(request: Any) -> Reply:
        number = request.body["roundNo"]
        heard.append((number, sum(push[-1] == "succeed" for push in console.pushes() if push[0] == "node")))
        word = {"action": "informRoundContinue", "groupNo": 0, "phaseName": "g", "roundNo": number}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(json.dumps(word).encode(), str(served.space("4015").root / f"job{request.body['pid']}.sock"))
        return envelope()

    console.answers[calls.ROUND_ENDED] = ended
    assert (await served.run("4015")).state is State.SUCCEEDED
    assert heard == [(1, 1), (2, 2)]
    assert console.pushes()[-1] == ("fire", "0")

"""Events of made-up jobs, for the tests of what is shown."""

from pilothouse.engine import events
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.jobs.states import State, Tally

T0 = 1_700_000_000.0
PASSWORD = "correct-horse"


def node(number: int, name: str | None = None) -> Node:
    shown = f"web-{number}" if name is None else name
    return Node(resource_id=number, host=f"10.0.0.{number}", port=22, name=shown, password=Secret(PASSWORD))


def job(total: int, *, at: float = T0, run: int = 1) -> events.Event:
    return events.JobStarted(at=at, job_id="4711", user="alice", run=run, total=total, fresh=run == 1)


def phase(name: str, total: int, *, at: float = T0, group: int = 1) -> events.Event:
    return events.PhaseStarted(at=at, group=group, phase=name, total=total, parallel=10)


def start(name: str, target: Node, *, at: float = T0) -> events.Event:
    return events.NodeStarted(at=at, phase=name, node=target)


def say(name: str, target: Node, *lines: str, at: float = T0) -> events.Event:
    return events.Lines(at=at, phase=name, node=target, lines=lines)


def end(
    name: str, target: Node, state: State = State.SUCCEEDED, reason: str = "", *, at: float = T0, seconds: float = 2.0
) -> events.Event:
    return events.NodeEnded(
        at=at, phase=name, node=target, state=state, reason=reason, seconds=seconds, warnings=0, operations={}
    )


def skip(name: str, target: Node, *, at: float = T0) -> events.Event:
    return events.NodeSkipped(at=at, phase=name, node=target, state=State.SUCCEEDED)


def phase_end(name: str, state: State, tally: Tally, *, at: float = T0) -> events.Event:
    return events.PhaseEnded(at=at, group=1, phase=name, state=state, tally=tally, warnings=0)


def job_end(state: State, *, at: float = T0) -> events.Event:
    return events.JobEnded(at=at, job_id="4711", state=state, tally=Tally(), seconds=at - T0)


def small_job() -> list[events.Event]:
    """Four nodes: one skipped, one succeeded, two failed for the same reason."""
    first, second, third, fourth = (node(number) for number in range(1, 5))
    return [
        job(4, run=2),
        phase("deploy", 4),
        skip("deploy", first),
        start("deploy", second, at=T0 + 1),
        start("deploy", third, at=T0 + 1),
        start("deploy", fourth, at=T0 + 1),
        say("deploy", third, "step one", "\x1b[31mno space\x1b[0m left", at=T0 + 2),
        end("deploy", second, at=T0 + 3),
        end("deploy", third, State.FAILED, "10.0.0.3 gave exit code 1", at=T0 + 4, seconds=3.0),
        end("deploy", fourth, State.FAILED, "10.0.0.4 gave exit code 1", at=T0 + 5, seconds=4.0),
        phase_end("deploy", State.FAILED, Tally(succeeded=1, failed=2, skipped=1), at=T0 + 5),
        job_end(State.FAILED, at=T0 + 5),
    ]

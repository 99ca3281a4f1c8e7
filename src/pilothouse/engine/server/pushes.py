"""What the control server is told of a run, as the documented bodies (spec section 9). Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pilothouse.controlserver import calls
from pilothouse.engine.events import (
    Event,
    JobEnded,
    NodeEnded,
    NodeSkipped,
    NodeStarted,
    NodeWaiting,
    PhaseEnded,
    PhaseStarted,
)
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.states import State, Tally, legacy_word

_TOLD: Final = frozenset({State.ABORTED, State.PAUSED})
"""The states of a whole job that a runner reports; all others the server concludes from the phases."""


class Push(msgspec.Struct, frozen=True):
    """One call to be delivered: ``path``, and the JSON text ``body``. ``scope`` is what it is about."""

    path: str
    body: str
    scope: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What every push of a run carries; ``pass_through`` is the server's own object, handed back to it."""

    job_id: str
    runner_id: int
    pass_through: Mapping[str, Any] = {}


class Translator:
    """Turns a run's events into pushes; it remembers which group a phase belongs to."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._groups: dict[str, int] = {}

    def pushes(self, event: Event) -> list[Push]:
        """Return what an event means to the server, in the order in which it must hear it."""
        translate = _TRANSLATIONS.get(type(event))
        return translate(self, event) if translate else []

    def _phase_started(self, event: PhaseStarted) -> list[Push]:
        self._groups[event.phase] = event.group
        return [phase_push(self._facts, event.group, event.phase, State.RUNNING, event.at)]

    def _phase_ended(self, event: PhaseEnded) -> list[Push]:
        pushed = phase_push(
            self._facts, event.group, event.phase, event.state, event.at, tally=event.tally, warnings=event.warnings
        )
        return [pushed]

    def _node_started(self, event: NodeStarted) -> list[Push]:
        return [self._node(event.phase, event.node, State.RUNNING, event.at)]

    def _node_skipped(self, event: NodeSkipped) -> list[Push]:
        return [self._node(event.phase, event.node, event.state, event.at, warnings=event.warnings)]

    def _node_ended(self, event: NodeEnded) -> list[Push]:
        failures = sum(state is State.FAILED for state in event.operations.values())
        # the failure that ended the node was not ignored; every other one was
        ignored = failures > (event.state is State.FAILED)
        return [
            self._node(event.phase, event.node, event.state, event.at, ignored=ignored, warnings=event.warnings),
        ]

    def _node_waiting(self, event: NodeWaiting) -> list[Push]:
        """Tell that a node asks a person, and the phase with it; afterwards the node's word is enough."""
        if event.interact is None:
            return [self._node(event.phase, event.node, State.RUNNING, event.at)]
        group = self._groups.get(event.phase, 0)
        return [
            self._node(event.phase, event.node, State.WAITING, event.at),
            phase_push(self._facts, group, event.phase, State.WAITING, event.at),
        ]

    def _job_ended(self, event: JobEnded) -> list[Push]:
        return [job_push(self._facts, event.state, event.at)] if event.state in _TOLD else []

    def _node(
        self, phase: str, node: Node, state: State, at: float, *, ignored: bool = False, warnings: int = 0
    ) -> Push:
        body = {
            "groupNo": self._groups.get(phase, 0),
            "phase": phase,
            "resourceId": node.resource_id,
            "host": node.host,
            "port": node.port,
            "status": legacy_word(state),
            "failIgnore": int(ignored),
            "warnCount": warnings,
        }
        return _push(calls.NODE_STATUS, self._facts, body, at)


_TRANSLATIONS: Final[dict[type[Event], Callable[[Translator, Any], list[Push]]]] = {
    PhaseStarted: Translator._phase_started,  # noqa: SLF001 - this table is a part of the class
    PhaseEnded: Translator._phase_ended,  # noqa: SLF001
    NodeStarted: Translator._node_started,  # noqa: SLF001
    NodeSkipped: Translator._node_skipped,  # noqa: SLF001
    NodeEnded: Translator._node_ended,  # noqa: SLF001
    NodeWaiting: Translator._node_waiting,  # noqa: SLF001
    JobEnded: Translator._job_ended,  # noqa: SLF001
}


def phase_push(
    facts: Facts, group: int, phase: str, state: State, at: float, *, tally: Tally | None = None, warnings: int = 0
) -> Push:
    """Return a phase's state, with the counts of this run."""
    counts = tally or Tally()
    body = {
        "groupNo": group,
        "phase": phase,
        "status": legacy_word(state),
        "failNodeCount": counts.failed,
        "sucNodeCount": counts.succeeded,
        "skipNodeCount": counts.skipped,
        "ignoreFailNodeCount": counts.ignored,
        "warnCount": warnings,
    }
    return _push(calls.PHASE_STATUS, facts, body, at, scope=phase)


def job_push(facts: Facts, state: State, at: float) -> Push:
    """Return a job's state; the documented order of this body differs from the others'."""
    body = {"jobId": facts.job_id, "time": at, "status": legacy_word(state)}
    return Push(calls.JOB_STATUS, _text({**body, "passThroughEnv": facts.pass_through}))


def fire_push(facts: Facts, group: int, at: float) -> Push:
    """Return the request to start the group after this one."""
    body = {"runnerId": facts.runner_id, "groupNo": group}
    return _push(calls.FIRE_NEXT, facts, body, at, scope=str(group))


def variable_push(facts: Facts, name: str, value: str, at: float, *, hidden: bool) -> Push:
    """Return a variable of the job."""
    return _push(calls.SET_VARIABLE, facts, {"envName": name, "envValue": value, "isHidden": int(hidden)}, at)


def global_push(facts: Facts, name: str, value: str, at: float) -> Push:
    """Return a changed parameter of the tenant."""
    return _push(calls.SET_GLOBAL, facts, {"key": name, "defaultValue": value}, at)


def round_body(facts: Facts, group: int, phase: str, number: int, pid: int, at: float) -> dict[str, Any]:
    """Return the body that says that a round has ended on this runner."""
    body = {"runnerId": facts.runner_id, "groupNo": group, "phase": phase, "roundNo": number, "time": at, "pid": pid}
    return {"jobId": facts.job_id, **body, "passThroughEnv": facts.pass_through}


def _push(path: str, facts: Facts, body: Mapping[str, Any], at: float, scope: str = "") -> Push:
    whole = {"jobId": facts.job_id, **body, "time": at, "passThroughEnv": facts.pass_through}
    return Push(path, _text(whole), scope)


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)

"""What a request changes in an instance: its state, its values, and whether its node must look (slapos-master 6.3)."""

import msgspec

from pilothouse.services.instance import InstanceRequest
from pilothouse.services.states import DEFAULT_SOFTWARE_TYPE, InstanceState

_STEP = 0.000001  # seconds; the least by which a timestamp moves


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an instance that requests change.

    ``asked`` is the state asked for last. ``state`` is the one in force: a root that is not started decides for
    its children, and what they were asked to be comes back with it.
    """

    software_url: str
    software_type: str
    parameters: dict[str, str]
    filter: dict[str, str]
    asked: InstanceState
    state: InstanceState
    timestamp: float


def first(asked: InstanceRequest, root_state: InstanceState | None, now: float) -> Held:
    """Return what is stored of a new instance. ``root_state`` is None for a root."""
    state: InstanceState = asked.state or "started"
    return Held(
        software_url=asked.software_url,
        software_type=asked.software_type or DEFAULT_SOFTWARE_TYPE,
        parameters=asked.parameters,
        filter=kept_filter(asked),
        asked=state,
        state=in_force(state, root_state),
        timestamp=now,
    )


def again(held: Held, asked: InstanceRequest, root_state: InstanceState | None, now: float) -> Held:
    """Return what is stored after one more request; equal to ``held`` when nothing changes.

    The timestamp moves when state, release, type or parameters do, and never for anything else.
    """
    state: InstanceState = asked.state or held.asked
    after = msgspec.structs.replace(
        first(asked, root_state, held.timestamp), asked=state, state=in_force(state, root_state)
    )
    same = (
        after.software_url == held.software_url
        and after.software_type == held.software_type
        and after.parameters == held.parameters
        and after.state == held.state
    )
    return after if same else msgspec.structs.replace(after, timestamp=moved(held.timestamp, now))


def in_force(asked: InstanceState, root_state: InstanceState | None) -> InstanceState:
    """Return the state of a child as its root has it: only a started root leaves it its own."""
    return asked if root_state is None or root_state == "started" else root_state


def moved(before: float, now: float) -> float:
    """Return a later timestamp, also when the clock went backwards or did not move."""
    return max(now, before + _STEP)


def kept_filter(asked: InstanceRequest) -> dict[str, str]:
    """Return the filter as it is kept, with what section 15.4 adds for backups."""
    if asked.software_type == "pull-backup":
        return {"retention_delay": "7.0", **asked.filter}
    return asked.filter

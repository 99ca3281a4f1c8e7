"""PURE: single flight, that is what a start does when its keys are held (headless 14)."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

Policy = Literal["refuse", "queue", "attach", "replace", "parallel"]


class Claim(msgspec.Struct, frozen=True):
    """A key that a session needs; ``slots`` of them may hold it, ``queue`` more may wait."""

    key: str
    policy: Policy = "refuse"
    slots: int = 1
    queue: int = 1


class Standing(NamedTuple):
    """A session that holds or waits for keys; ``same`` when user and job list are those of the newcomer."""

    sid: str
    same: bool = False


class Go(NamedTuple):
    """Take these places now."""

    places: tuple[tuple[str, int], ...]


class Wait(NamedTuple):
    """Wait until the keys are free; these holders are cancelled."""

    replaces: tuple[str, ...] = ()


class Join(NamedTuple):
    """Follow a session that runs already."""

    sid: str


class Busy(NamedTuple):
    """Refused because of this holder."""

    holder: str


def decide(
    claims: Sequence[Claim],
    held: Mapping[str, Mapping[int, Standing]],
    waiting: Mapping[str, Sequence[Standing]],
) -> Go | Wait | Join | Busy:
    """Say what a new start does. ``held`` are the places of each key, ``waiting`` who waits for it, oldest first."""
    taken = [claim for claim in claims if _is_taken(claim, held, waiting)]
    if not taken:
        return Go(tuple((claim.key, _free_slot(claim, held)) for claim in sorted(claims, key=lambda each: each.key)))
    replaces: list[str] = []
    for claim in taken:
        holders = [*held.get(claim.key, {}).values(), *waiting.get(claim.key, ())]
        match claim.policy:
            case "attach" if same := [each.sid for each in holders if each.same]:
                return Join(same[0])
            case "replace":
                # one that waits to replace is replaced itself: only the newest start counts
                replaces += [each.sid for each in holders]
            case "queue" if len(waiting.get(claim.key, ())) < claim.queue:
                pass
            case _:
                return Busy(holders[0].sid)
    return Wait(tuple(dict.fromkeys(replaces)))


def ready(claims: Sequence[Claim], held: Mapping[str, Mapping[int, Standing]], older: frozenset[str]) -> Go | None:
    """Return the places that a session waiting for its keys may take now; ``older`` are the keys others wait for."""
    if any(claim.key in older or len(held.get(claim.key, {})) >= claim.slots for claim in claims):
        return None
    return Go(tuple((claim.key, _free_slot(claim, held)) for claim in sorted(claims, key=lambda each: each.key)))


def _is_taken(
    claim: Claim, held: Mapping[str, Mapping[int, Standing]], waiting: Mapping[str, Sequence[Standing]]
) -> bool:
    return len(held.get(claim.key, {})) >= claim.slots or bool(waiting.get(claim.key))


def _free_slot(claim: Claim, held: Mapping[str, Mapping[int, Standing]]) -> int:
    return next(slot for slot in range(claim.slots) if slot not in held.get(claim.key, {}))

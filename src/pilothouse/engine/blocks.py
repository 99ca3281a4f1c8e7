"""Deciding blocks: whether an IF's condition holds, and what a LOOP goes over (spec sections 4.9 and 4.10)."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.engine.context import Context, Place
from pilothouse.engine.nodelog import NodeLog
from pilothouse.engine.scopes import scope_of
from pilothouse.jobs.course import Step
from pilothouse.jobs.document import Choice, Loop
from pilothouse.jobs.items import loop_items
from pilothouse.jobs.references import as_text
from pilothouse.jobs.turns import stale

if TYPE_CHECKING:
    from pilothouse.jobs.conditions import FileTester

_FILE_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "f": os.path.isfile,
    "d": os.path.isdir,
    "e": os.path.exists,
    "l": os.path.islink,
}
_SHOWN: Final = 200


async def decide(context: Context, place: Place, step: Step, log: NodeLog) -> Any:
    """Return the answer to a block's step, and log it.

    Raises ConditionError, UnresolvedReferenceError.
    """
    match step.operation.block:
        case Choice() as choice:
            return await _choice(context, place, step, log, choice)
        case Loop() as loop:
            return await _loop(context, place, step, log, loop)
    return None


async def _choice(context: Context, place: Place, step: Step, log: NodeLog, choice: Choice) -> bool:
    scope = await scope_of(context, place, step.turns, log, for_condition=True)
    from pilothouse.jobs.conditions import holds  # noqa: PLC0415 - most jobs have no conditions

    answer = await asyncio.to_thread(holds, choice.condition, scope, _file_tester(context.space.root))
    log.write(f"INFO: IF {' '.join(choice.condition.split())} -> {str(answer).lower()}")
    return answer


async def _loop(context: Context, place: Place, step: Step, log: NodeLog, loop: Loop) -> list[Any]:
    items = loop_items(loop.items, await scope_of(context, place, step.turns, log))
    left = stale(await context.outputs.of(place.node), loop, step.turns, len(items))
    if left:
        for owner in context.outputs.owners(place.node):
            await context.journal.set_outputs(owner.resource_id, dict.fromkeys(left))
        for key in left:
            await context.outputs.keep(place.node, key, None)
    shown = log.shown(", ".join(map(as_text, items)).replace("\n", "\\n"))
    log.write(f"INFO: LOOP {loop.variable} over {len(items)} items: {shown[:_SHOWN]}{'...' * (len(shown) > _SHOWN)}")
    return items


def _file_tester(root: Path) -> "FileTester":
    """Return the test of paths on the runner; relative ones are below the run folder, as for operations there."""
    return lambda letter, path: _FILE_TESTS[letter](str(root / path))

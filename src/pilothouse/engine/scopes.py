"""Where the references of an operation are looked up: the order of spec sections 3.1 and 4.9."""

from pilothouse.engine.context import Context, Place
from pilothouse.engine.environment import reference_names
from pilothouse.engine.nodelog import NodeLog
from pilothouse.jobs.nodes import LOCAL
from pilothouse.jobs.references import Scope
from pilothouse.jobs.turns import Turns, seen_from


async def scope_of(context: Context, place: Place, turns: Turns, log: NodeLog, *, for_condition: bool = False) -> Scope:
    """Return what references mean in the given turns of loops; values that must stay hidden are masked from now on.

    Loop variables come first, the innermost before the others. Arguments then look into the job's parameters
    and after these at the node's variables; conditions the other way round.
    """
    node = place.node
    log.hide(*await context.variables.hidden(node))
    loops = tuple({turn.loop.variable: turn.item} for turn in reversed(turns))
    parameters = (context.facts.options, context.job.global_options)
    own = (
        await context.variables.of(node),
        reference_names(context.facts, node, await context.variables.everywhere()),
    )
    outputs = await context.outputs.of(node)
    local = outputs if node is LOCAL else await context.outputs.of(LOCAL)
    return Scope(
        names=(*loops, *own, *parameters) if for_condition else (*loops, *parameters, *own),
        outputs=seen_from(outputs, turns),
        local_outputs=seen_from(local, turns),
    )

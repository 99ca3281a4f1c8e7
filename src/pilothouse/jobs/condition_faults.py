"""Conditions that no run could read, with their places in the document (spec section 4.9)."""

from pilothouse.errors import Problem
from pilothouse.jobs.condition_grammar import ConditionError, parse, shortened
from pilothouse.jobs.document import Choice, Job, placed


def condition_faults(job: Job) -> list[Problem]:
    """Return a problem for each IF block whose condition is broken; its text names the column, from 1.

    A run does not refuse the job for them: such a block fails its node when its turn comes.
    """
    found = []
    for _, place, operation in placed(job):
        if isinstance(operation.block, Choice):
            try:
                parse(operation.block.condition)
            except ConditionError as error:
                text = f"{shortened(error.text)} at column {error.column}: {error.found}"
                found.append(Problem(f"{place}.condition", text, error.allowed))
    return found

"""How many nodes at a time, and which round each node belongs to (spec sections 4.2 and 4.4)."""

from pilothouse.jobs.document import ExecRound, Group, Phase


def explicit(phase: Phase, group: Group) -> int | None:
    """Return how many nodes at a time the document asks for outright; None when roundCount decides."""
    return group.parallel if phase.parallel is None else phase.parallel


def parallelism(count: int, divisor: int) -> int:
    """Return how many of ``count`` nodes run at a time: ceil(count / divisor).

    ``divisor`` is the document's roundCount; 0 or less means one node at a time.
    """
    if divisor <= 0:
        return 1
    return max(1, -(-count // divisor))


def round_sizes(count: int, divisor: int) -> list[int]:
    """Return how many nodes each gray-scale round takes; the rounds add up to ``count``.

    There are min(divisor, count) rounds (count rounds when ``divisor`` is 0 or less), the first ones one
    node larger when it does not divide evenly. No nodes still make one empty round, for runner phases.
    """
    if count == 0:
        return [0]
    rounds = min(divisor, count) if divisor > 0 else count
    size, larger = divmod(count, rounds)
    return [size + 1 if number < larger else size for number in range(rounds)]


def trigger_round(when: ExecRound, rounds: int) -> int:
    """Return the round, from 1, in which a runner phase of a gray-scale group runs, exactly once."""
    if when is ExecRound.FIRST:
        return 1
    return rounds if when is ExecRound.LAST else -(-rounds // 2)

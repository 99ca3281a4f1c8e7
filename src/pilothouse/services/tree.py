"""Trees of instances: how big they may grow, and that a root goes last (slapos-master 6.5)."""

from collections.abc import Sequence

from pilothouse.services.policy import Policy


def destroyed_report(*, meant: bool, children: Sequence[str]) -> str:
    """Return why an instance is kept although its node says that it is destroyed, nothing when it is freed.

    ``meant`` says that its destruction was requested, or that this master believes its nodes whatever was requested.
    ``children`` are the titles of what lives below it, which is to be destroyed first.
    """
    if not meant:
        return "Not destroying because nobody asked to destroy it; request it with the state destroyed first"
    if children:
        return f"Not destroying yet because this partition has child partitions: {', '.join(children)}"
    return ""


def too_big(members: int, depth: int, policy: Policy) -> str:
    """Return why a tree with so many members may not get one more at ``depth``, nothing when it may."""
    if members >= policy.members:
        return f"the tree has {members} instances already; allowed: {policy.members}"
    if depth > policy.depth:
        return f"the instance would be {depth} levels below its root; allowed: {policy.depth}"
    return ""

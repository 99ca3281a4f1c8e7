"""``pilothouse service why``: which promise of an instance fails, since when, and what changed before."""

import argparse
from typing import TYPE_CHECKING, Any

from pilothouse.cli import listing
from pilothouse.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pilothouse.node.layout import InstancePlace
    from pilothouse.node.promise_why import Failing, Reason


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes besides what all of ``pilothouse service`` take."""
    parser.add_argument(
        "name", metavar="PARTITION|TITLE|GUID", help="the partition on this machine, such as slappart0, or its instance"
    )
    parser.add_argument("--cfg", metavar="FILE", help="the node's slapos.cfg, if it is not in its usual place")
    parser.set_defaults(work=why)


def why(chosen: argparse.Namespace) -> int:
    """Say why; returns 4 when something is wrong, else 0. Raises UsageError."""
    from pilothouse.cli.slapos import node_pass
    from pilothouse.node.promise_why import reason

    found = reason(_place(node_pass.load(chosen).instance_root, chosen.name), chosen.cfg)
    listing.said(chosen, text_of(found), document_of(found))
    return ExitCode.FAILED if found.failing or found.error else ExitCode.SUCCESS


def _place(root: "Path", name: str) -> "InstancePlace":
    from pilothouse.node import names
    from pilothouse.node.layout import InstancePlace, NodePlace

    if "/" not in name and name not in {"", ".", ".."} and (root / name).is_dir():
        return InstancePlace(root, name)
    found = names.partitions_of(NodePlace(root), name)
    if len(found) > 1:
        raise UsageError(
            f"several instances here have the title {name}; name one of their partitions: {', '.join(found)}"
        )
    if not found:
        raise UsageError(
            f"{name} is no partition below {root}, and no instance that this node has processed; "
            "pilothouse service list names partitions"
        )
    return InstancePlace(root, found[0])


def document_of(found: "Reason") -> dict[str, Any]:
    """Return it for programs, each value with its name."""
    import msgspec

    failing = [
        {
            **msgspec.to_builtins(one),
            "story": one.story._asdict(),
            "changes": [change._asdict() for change in one.changes],
            "numbers": [number._asdict() for number in one.numbers],
        }
        for one in found.failing
    ]
    return {**msgspec.to_builtins(found), "failing": failing}


def text_of(found: "Reason") -> str:
    """Return it for people."""
    lines = [line for one in found.failing for line in _failing(one)]
    if found.error:
        lines += ["its last processing failed:", *(f"  {line}" for line in found.error.splitlines())]
    if found.unchecked:
        lines.append(f"{found.unchecked} of {found.promises} promises have not been checked yet")
    if not lines:
        count = (
            "1 promise, and it does not fail"
            if found.promises == 1
            else f"{found.promises} promises, none of them fails"
        )
        return f"{found.partition} is well: {count}"
    if found.command:
        lines.append(f"next: {found.command}")
    return "\n".join([found.partition, *lines])


def _failing(one: "Failing") -> list[str]:
    lines = [f"promise {one.name} fails: {one.message}"]
    if one.story.since is not None:
        times = "once" if one.story.failures == 1 else f"{one.story.failures} times"
        lines.append(f"  since   {listing.moment(one.story.since)}, {times}")
    lines.append(f"  fine    {listing.moment(one.story.fine) or 'never, as far as its log goes'}")
    lines += [f"  before  {listing.moment(change.at)} {change.what}" for change in one.changes]
    lines += [f"  number  {number.label} = {number.value}{number.unit}" for number in one.numbers]
    lines += [f"  log     {line}" for line in one.lines]
    return lines

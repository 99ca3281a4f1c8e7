"""Shared parts that no software release uses any more are removed (node spec, section 18)."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from pilothouse.node import removal
from pilothouse.node.shared_parts import Mentions, Part, nested_nodes, parts_below, texts_of_part, texts_of_releases

_log: Final = logging.getLogger("slapos")
_CONDEMNED: Final = ".pruned"


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node's files are; ``shared`` is the directory whose parts are its own to write."""

    software_root: Path
    instance_root: Path
    shared: Path | None


def run(tree: Tree, additional: Iterable[Path], *, dry: bool) -> None:
    """Remove the unused parts of the node's shared directory; with ``dry`` only name them.

    A part that cannot be removed is left, and an error is logged. Raises OSError when directories cannot be read.
    """
    if tree.shared is None:
        return
    _log.warning("Pruning shared directories at %s", tree.shared)
    if not dry:
        _finish_former(tree.shared)
    parts = parts_below(tree.shared)
    for part in unused(parts, _mentions(tree, additional, parts)):
        if dry:
            _log.warning("Unused shared parts at %s", part.path)
        else:
            _remove(part)


def unused(parts: Iterable[Part], mentions: Mentions) -> list[Part]:
    """Return the parts that nothing mentions, then those that only these mention, and so on."""
    left = set(parts)
    found: list[Part] = []
    while True:
        used_by: dict[str, set[Part]] = {}
        for part in left:
            for signature in mentions.by_part.get(part, ()):
                used_by.setdefault(signature, set()).add(part)
        free = [
            part
            for part in left
            if part.signature not in mentions.roots and not used_by.get(part.signature, set()) - {part}
        ]
        if not free:
            return found
        found += sorted(free)
        left -= set(free)


def _mentions(tree: Tree, additional: Iterable[Path], parts: list[Part]) -> Mentions:
    mentions = Mentions({part.signature for part in parts})
    mentions.add_roots(texts_of_releases(tree.software_root))
    for folder in additional:
        if folder.is_dir():
            mentions.add_roots(texts_of_releases(folder))
        else:
            _log.warning("Additional software directory does not exist: %s", folder)
    for software, shared in nested_nodes(tree.instance_root):
        mentions.add_roots(texts_of_releases(software))
        if shared is not None and shared != tree.shared:
            for part in parts_below(shared):
                mentions.add_roots(texts_of_part(part))
    for part in parts:
        mentions.add_part(part, texts_of_part(part))
    return mentions


def _remove(part: Part) -> None:
    """Take the part out of sight at a stroke, then remove it: a part that is half there would be built upon."""
    aside = part.path.with_name(f".{part.path.name}{_CONDEMNED}")
    try:
        part.path.rename(aside)
        removal.remove(aside)
    except OSError as error:
        _log.error("%s cannot be removed: %s", part.path, error.strerror)
        return
    _log.warning("Unused shared parts at %s ... removed", part.path)


def _finish_former(shared: Path) -> None:
    """Remove what a run that was killed had taken out of sight."""
    if shared.is_dir():
        for name in os.listdir(shared):  # noqa: PTH208 - names only
            for path in sorted(shared.joinpath(name).glob(f".*{_CONDEMNED}")):
                removal.remove(path)

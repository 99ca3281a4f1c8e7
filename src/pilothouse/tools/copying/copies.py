"""Copies to a machine, from a machine, and folders kept alike."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pilothouse.tools.copying import here
from pilothouse.tools.copying.entries import NO_DIGEST, Item, Source, differences, goes_into, items
from pilothouse.tools.copying.machine import Machine, beside
from pilothouse.tools.program import ToolError, say


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How to copy: links followed or made anew, modes kept or not, missing sources passed over or not."""

    follow: bool = False
    keep_mode: bool = True
    missing_ok: bool = False


async def push(machine: Machine, names: Sequence[str], destination: str, base: Path, manner: Manner) -> int:
    """Copy from the runner; returns how many files were carried. Raises ToolError, TransportError, OSError."""
    found = await asyncio.to_thread(here.sources, names, base, follow=manner.follow, missing_ok=manner.missing_ok)
    place, kind = await machine.resolve(destination)
    into = goes_into(destination, folder_there=kind == "d", sources=len(names))
    return await carry(machine, items(found, place, into=into), manner)


async def carry(machine: Machine, wanted: Sequence[Item], manner: Manner) -> int:
    """Make items on a machine, each file verified there before it takes its place."""
    await machine.prepare(wanted)
    files = [item for item in wanted if item.entry.type == "file"]
    suffix = f"part-{secrets.token_hex(4)}"
    sent: list[str] = []
    try:
        for item in files:
            sent.append(beside(item.to, suffix))
            await machine.upload(item.origin, sent[-1])
        await machine.place(files, suffix, keep_mode=manner.keep_mode)
    except BaseException:
        await _discard(machine, sent)
        raise
    for item in files:
        say("INFO", f"{item.origin} -> {machine.node.host}:{item.to}")
    return len(files)


async def pull(machine: Machine, names: Sequence[str], destination: Path, manner: Manner, *, slash: bool) -> int:
    """Copy to the runner; returns how many files were carried. ``slash``: the destination was given as a folder."""
    found = await machine.sources(names, follow=manner.follow, missing_ok=manner.missing_ok)
    if not found:
        say("WARN", f"{machine.node.key}: there is nothing to copy")
        return 0
    into = slash or goes_into(str(destination), folder_there=destination.is_dir(), sources=len(found))
    carried = 0
    for item in items(found, str(destination), into=into):
        if item.entry.type == "file":
            await _fetch(machine, item, manner)
            carried += 1
        else:
            await asyncio.to_thread(here.make, item)
    return carried


async def sync(machine: Machine, source: Source, destination: str, *, delete: bool) -> dict[str, int]:
    """Make a folder on a machine like one of the runner; returns how many files were copied, kept and deleted."""
    place, kind = await machine.resolve(destination)
    if kind == "f":
        raise ToolError(f"{machine.node.key}: {place} is a file; a folder can only be kept like a folder")
    wanted = items((source,), place, into=False)
    there = (await machine.sources((place,), follow=False, missing_ok=True)) if kind == "d" else ()
    anew, strangers = differences(wanted, there[0].entries if there else (), place.rstrip("/"))
    copied = await carry(machine, anew, Manner())
    if delete and strangers:
        await machine.remove(strangers)
    files = sum(item.entry.type == "file" for item in wanted)
    return {"copied": copied, "unchanged": files - copied, "deleted": len(strangers) if delete else 0}


async def _fetch(machine: Machine, item: Item, manner: Manner) -> None:
    target = Path(item.to)
    part = Path(beside(item.to, f"part-{secrets.token_hex(4)}"))
    try:
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        await machine.download(item.origin, str(part))
        arrived = await asyncio.to_thread(here.digest, part)
        if item.entry.digest not in {arrived, NO_DIGEST}:
            raise ToolError(f"{item.to}: arrived with the SHA-256 sum {arrived} instead of {item.entry.digest}")
        part.chmod(item.entry.mode if manner.keep_mode else 0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    say("INFO", f"{machine.node.host}:{item.origin} -> {target}")


async def _discard(machine: Machine, parts: Sequence[str]) -> None:
    """Remove what was uploaded of a copy that failed, if the machine can still be told."""
    try:
        await machine.remove(parts)
    except Exception as error:  # noqa: BLE001 - the error that ended the copy is the one to report
        say("WARN", f"{machine.node.key}: parts of the copy may be left: {error}")

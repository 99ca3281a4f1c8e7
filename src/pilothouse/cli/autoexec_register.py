"""``autoexec --register``: make the runner's tools known to a tenant of the control server (spec section 8.3)."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pilothouse.cli.autoexec_site import site
from pilothouse.controlserver import calls
from pilothouse.controlserver.address import Server
from pilothouse.controlserver.client import Client
from pilothouse.controlserver.replies import ServerIdentityError, ServerUnreachableError
from pilothouse.errors import PilothouseError
from pilothouse.tools.catalog import Catalog, Side, Tool

_SIDES: Final[tuple[Side, ...]] = ("local", "remote")
_FAILED: Final = 1
_HOPELESS: Final = (ServerUnreachableError, ServerIdentityError)


def register_tools(chosen: argparse.Namespace) -> int:
    """Register the tools of this installation for the tenant named; returns 0 when all went well, else 1."""
    here = site()
    return register(Catalog(here.settings.plugins), here.require_server(), chosen.register)


def register(catalog: Catalog, server: Server, tenant: str) -> int:
    """Register every enabled tool; returns 0 when all went well, else 1.

    Only then the tools that this run has not named are removed from the server.
    """
    return asyncio.run(_register(catalog, Client(msgspec.structs.replace(server, tenant=tenant))))


async def _register(catalog: Catalog, client: Client) -> int:
    started = int(time.time())
    done = failed = 0
    untried = ""
    try:
        for name, found in _tools(catalog):
            try:
                if isinstance(found, PilothouseError):
                    raise found
                await client.ask(calls.REGISTER, description(found, started))
                done += 1
            except PilothouseError as error:
                failed += 1
                print(f"ERROR: {name} could not be registered: {error}", file=sys.stderr)
                # the next tool would fare no better, after the same wait
                if isinstance(error, _HOPELESS):
                    untried = ", the others were not tried"
                    break
        if failed or not done:
            print(
                f"ERROR: {done} tools registered, {failed} failed{untried}; no older tool was removed.", file=sys.stderr
            )
            return _FAILED
        await client.ask(calls.UNREGISTER, {"importTime": started})
    except PilothouseError as error:
        print(f"ERROR: {done} tools registered, but the older ones could not be removed: {error}", file=sys.stderr)
        return _FAILED
    finally:
        await client.close()
    print(f"FINE: {done} tools registered.")
    return 0


def _tools(catalog: Catalog) -> Iterator[tuple[str, Tool | PilothouseError]]:
    """Yield every enabled tool, and the fault of every one that cannot be read."""
    for side in _SIDES:
        for name in catalog.names(side):
            try:
                tool = catalog.find(name, side)
            except PilothouseError as error:
                yield name, error
                continue
            if tool.descriptor.enabled:
                yield name, tool


def description(tool: Tool, started: int) -> dict[str, Any]:
    """Return the body that registers a tool: its own descriptor, with name, today's type and the run's time."""
    own = msgspec.json.decode(tool.source.read_bytes()) if tool.source else {}
    return {**own, "opName": tool.name, "opType": tool.kind, "importTime": started}

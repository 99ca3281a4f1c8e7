"""A server with login, and what is in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.masters import Site, formed
from tests.servers import Server, serving

from pilothouse.identity.caller import LOCAL, Role
from pilothouse.server import administration
from pilothouse.services.policy import PRODUCTION
from pilothouse.store.database import open_store


@dataclass
class World:
    """A server, its clients, and a site over the same database, by which nodes speak."""

    server: Server
    site: Site
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def user(self, name: str, role: Role, project: str = "") -> httpx.AsyncClient:
        """Make a user with a role and a token, and return its client."""

        def work(connection: object) -> str:
            administration.add_user(connection, LOCAL, name, "", [role], project, 1.0)  # type: ignore[arg-type]
            made = administration.new_token(connection, LOCAL, name, "access", project, "", None, 1.0)  # type: ignore[arg-type]
            return made.reveal()

        return self.client(await self.site.store.write(work))

    def client(self, token: str | None = "") -> httpx.AsyncClient:
        """Return a client; '' means the administrator's token, None none."""
        made = self.server.client(token)
        self.clients.append(made)
        return made


@pytest.fixture
async def world(where: str, tmp_path: Path) -> AsyncIterator[World]:
    """A server on each kind of database, with one node that has a release and an instance."""
    store = await open_store(where)
    site = Site(store, policy=PRODUCTION)
    await site.format(formed("COMP-1", 3))
    await site.supply("COMP-1")
    await site.request("web", "COMP-1", parameters={"size": "3"})
    async with serving(tmp_path, where) as server:
        made = World(server, site)
        yield made
        for client in made.clients:
            await client.aclose()
    await store.close()

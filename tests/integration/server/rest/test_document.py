"""The OpenAPI document: complete, served to everybody, and true of every answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok
from tests.masters import Site, formed
from tests.servers import Server, serving

from pilothouse.server.profile import Profile
from pilothouse.store.database import open_store

EXAMPLES = 12
STREAMS = {"/api/v1/changes"}  # they do not end
TRUE = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server without login that has a node, a release and instances."""
    store = await open_store(tmp_path / "server.db")
    site = Site(store)
    await site.format(formed("COMP-1", 3))
    await site.supply("COMP-1")
    await site.request("web", "COMP-1")
    await store.close()
    async with serving(tmp_path, profile=Profile(login=False)) as made:
        yield made


async def test_what_is_said_of_every_operation(server: Server) -> None:
    async with server.client(None) as client:
        document: dict[str, Any] = (await client.get("/api/v1/openapi.json")).json()
    assert document["info"]["title"] == "Pilothouse"
    tags = {tag["name"] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        assert path.startswith("/api/v1/")
        for verb, operation in operations.items():
            assert operation["summary"], (path, verb)
            assert operation["description"], (path, verb)
            assert set(operation["tags"]) <= tags
            for status in ("400", "401", "403", "404", "503"):
                answer = operation["responses"][status]
                assert list(answer["content"]) == ["application/problem+json"], (path, verb, status)
            for parameter in operation.get("parameters", ()):
                assert parameter["in"] == "path" or parameter.get("description"), (path, verb, parameter["name"])


async def test_every_answer_is_as_the_document_says(server: Server) -> None:
    async with server.client(None) as client:
        document = (await client.get("/api/v1/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(document)

    def ask_all() -> int:
        count = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.path not in STREAMS:
                _ask(operation, server.url)
                count += 1
        return count

    assert await asyncio.to_thread(ask_all) > 30


def _ask(operation: Any, url: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=url, checks=TRUE)

    ask()

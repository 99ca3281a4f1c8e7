"""Health and metrics while the database is away."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from pilothouse.clock import ManualClock
from pilothouse.server.meters import MeasuredStore, Meters, dialect
from pilothouse.store.errors import StoreError

T = TypeVar("T")


class Away:
    """A store whose database does not answer."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        raise StoreError("away")

    async def write(self, work: Callable[[Connection], T]) -> T:
        raise StoreError("away")

    async def close(self) -> None:
        pass


async def test_metrics_are_there_without_the_database() -> None:
    meters = Meters(ManualClock())
    meters.requests.labels("classic", "200").inc()
    page = (await meters.page(MeasuredStore(Away(), meters))).decode()
    assert 'pilothouse_requests_total{dialect="classic",status="200"} 1.0' in page
    assert "pilothouse_instances{" not in page
    assert 'pilothouse_store_waiting{access="read"} 0.0' in page


def test_paths_have_few_dialects_whatever_people_try() -> None:
    assert {dialect(f"/{word}") for word in ("getRunId", "x" * 100, "%00", "etc/passwd", "")} == {"classic"}
    paths = ("/api/v1/users", "/hateoas/", "/slapos.get.v0.x", "/metrics", "/ui/")
    assert [dialect(path) for path in paths] == ["rest", "hateoas", "json-rpc", "own", "pages"]

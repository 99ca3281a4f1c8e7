"""What Prometheus is told: requests, their times, what the store has to do, instances by state."""

from collections.abc import Callable
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from sqlalchemy import Connection

from pilothouse.clock import Clock
from pilothouse.store import counts
from pilothouse.store.contract import Store
from pilothouse.store.errors import StoreError

T = TypeVar("T")

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_FRESH: Final = 15.0  # seconds for which instances are not counted again, however often somebody asks
_PREFIXES: Final = (
    ("/api/v1/changes", "stream"),
    ("/api/", "rest"),
    ("/hateoas", "hateoas"),
    ("/slapos.", "json-rpc"),
    ("/shacache", "shacache"),
    ("/ui", "pages"),
    ("/healthz", "own"),
    ("/metrics", "own"),
    ("/authority", "own"),
    ("/Person_", "enrolment"),
)


class Meters:
    """The counters of one server."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        self._counted = float("-inf")
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "pilothouse_requests", "Requests answered", ("dialect", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "pilothouse_request_seconds", "Time to the end of the answer", ("dialect",), registry=self._registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self.running = Gauge("pilothouse_requests_running", "Requests not answered yet", registry=self._registry)
        self.streams = Gauge("pilothouse_streams", "Clients that follow changes", registry=self._registry)
        self.store = Gauge("pilothouse_store_waiting", "Work in the store", ("access",), registry=self._registry)
        self.instances = Gauge("pilothouse_instances", "Instances by state", ("state",), registry=self._registry)

    async def page(self, store: Store) -> bytes:
        """Return the page that Prometheus reads; it comes without new counts of instances when the database is away."""
        if self._clock.monotonic() - self._counted >= _FRESH:
            self._counted = self._clock.monotonic()
            try:
                for state, number in (await store.read(counts.instances_by_state)).items():
                    self.instances.labels(state).set(number)
            except StoreError:
                self._counted = float("-inf")
        return generate_latest(self._registry)


class MeasuredStore:
    """A `Store` that tells how much work waits in the one below it."""

    def __init__(self, store: Store, meters: Meters) -> None:
        self._store = store
        self._reads = meters.store.labels("read")
        self._writes = meters.store.labels("write")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` reads."""
        with self._reads.track_inprogress():
            return await self._store.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returned, once it is durable."""
        with self._writes.track_inprogress():
            return await self._store.write(work)

    def version(self) -> int | None:
        """Return the version of the store below."""
        return self._store.version()

    async def close(self) -> None:
        """Close the store below."""
        await self._store.close()


def dialect(path: str) -> str:
    """Return which dialect a path belongs to; there are few, whatever paths people try."""
    return next((name for prefix, name in _PREFIXES if path.startswith(prefix)), "classic")

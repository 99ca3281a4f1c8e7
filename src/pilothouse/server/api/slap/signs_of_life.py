"""That a node asked for its document is its sign of life, written once a minute at most (slapos-master 15.3)."""

import logging
from typing import Final

from pilothouse.clock import Clock
from pilothouse.identity.caller import Caller
from pilothouse.server.master import nodes
from pilothouse.store.contract import Store
from pilothouse.store.errors import StoreError

log = logging.getLogger(__name__)

_PACE: Final = 60.0  # seconds; the status tells apart five minutes and fifteen


class SignsOfLife:
    """When each node was heard last, as far as it was written."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heard: dict[str, float] = {}

    async def heard(self, caller: Caller, computer: str) -> None:
        """Note that a known node has asked for something; people who look at it are no sign of its life."""
        if caller.kind not in ("node", "local"):
            return
        now = self._clock.monotonic()
        if now - self._heard.get(computer, float("-inf")) < _PACE:
            return
        self._heard[computer] = now
        at = self._clock.time()
        try:
            await self._store.write(lambda connection: nodes.seen(connection, computer, at))
        except StoreError as error:
            log.warning("the sign of life of %s was not written: %s", computer, error)  # it is told its document

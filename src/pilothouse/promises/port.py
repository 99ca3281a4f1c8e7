"""``port``: something listens at ``host`` and ``port``."""

from __future__ import annotations

import socket

from pilothouse.node.promising.generic import GenericPromise
from pilothouse.promises.declared import promise
from pilothouse.promises.patience import patient


@promise
class RunPromise(GenericPromise):
    """Connects, and says no word."""

    def sense(self) -> None:
        """Connect once."""
        place = (self.getConfig("host"), int(self.getConfig("port")))
        try:
            patient(self, lambda: socket.create_connection(place, timeout=5).close())
        except OSError as error:
            self.logger.error("nothing answers at %s port %s: %s", *place, error)
        else:
            self.logger.info("%s port %s answers", *place)

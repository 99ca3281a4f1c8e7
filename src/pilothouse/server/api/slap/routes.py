"""Which handler serves which path and verb: one table for each dialect."""

from collections.abc import Awaitable, Callable, Iterator, Mapping

import msgspec

from pilothouse.server.api.slap.exchange import Answer, Request

Handler = Callable[[Request], Awaitable[Answer]]
Refusal = Callable[[Exception], Answer]


class Route(msgspec.Struct, frozen=True):
    """One handler; an ``open`` one serves also who cannot prove who it is.

    ``takes_body`` False: the handler reads the body itself, piece by piece.
    """

    handle: Handler
    open: bool = False
    takes_body: bool = True


Verbs = Mapping[str, Route]


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """The paths of one dialect, without leading slash, and how it says no.

    ``below`` serves whatever begins with one of its keys; the longest one wins.
    """

    name: str
    exact: Mapping[str, Verbs]
    refuse: Refusal
    below: Mapping[str, Verbs] = {}

    def find(self, path: str) -> Verbs | None:
        """Return what can be done with a path, None when it is none of this dialect's."""
        if (verbs := self.exact.get(path)) is not None:
            return verbs
        return next((self.below[key] for key in self._prefixes() if path.startswith(key)), None)

    def _prefixes(self) -> Iterator[str]:
        return iter(sorted(self.below, key=len, reverse=True))


def allowed(verbs: Verbs) -> tuple[str, ...]:
    """Return the verbs that a path answers, with those that come by themselves."""
    return tuple(sorted({*verbs, "OPTIONS", *(("HEAD",) if "GET" in verbs else ())}))

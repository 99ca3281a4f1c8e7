"""What promises declare that they implement."""

from zope.interface import Interface


class IPromise(Interface):  # type: ignore[misc]  # of either zope.interface
    """A promise: it has ``sense``, ``test`` and ``anomaly``."""

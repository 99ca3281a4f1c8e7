"""How strict a master is: one that production trusts, or one that a developer runs for himself."""

from typing import Final

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between masters, decided once at the start of a server.

    ``default_computer`` takes what names no computer; without one, any node with the release and room does.
    ``lenient``: of the filter only the computer and the host count, the rest is ignored (slapos-master 6.3).
    ``free_unasked``: a node that says an instance is destroyed is believed, whatever was asked (2.8).
    ``bypass``: shared instances of two well-known releases get an answer although nothing hosts them (6.8).
    ``members`` and ``depth`` limit one tree, so that a release that requests itself ends.
    """

    default_computer: str = ""
    lenient: bool = False
    free_unasked: bool = False
    bypass: bool = False
    members: int = 1000
    depth: int = 16


PRODUCTION: Final = Policy()
PROXY: Final = Policy(default_computer="local_computer", lenient=True, free_unasked=True, bypass=True)

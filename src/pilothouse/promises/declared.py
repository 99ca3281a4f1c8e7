"""What makes a class a promise for those who look for the interface."""

from __future__ import annotations

from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


def promise(kind: Kind) -> Kind:
    """Declare that a class is a promise, where promises are run; elsewhere it is a class like any other."""
    try:
        from slapos.grid.promise import interface
        from zope.interface import implementer
    except ImportError:
        return kind
    declare: Any = implementer(interface.IPromise)
    declared: Kind = declare(kind)
    return declared

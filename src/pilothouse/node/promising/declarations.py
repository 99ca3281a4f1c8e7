"""`zope.interface` as far as promises need it, for environments that do not have it (node spec 13.4)."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from typing import Any

_NAME = "zope.interface"


class Interface:
    """What an object promises to have."""

    @classmethod
    def implementedBy(cls, kind: type) -> bool:
        """Return whether a class, or one that it extends, is declared to have this interface."""
        return any(cls in vars(base).get("__declared_interfaces__", ()) for base in kind.__mro__)


class Attribute:
    """Something that objects with an interface have."""

    def __init__(self, text: str = "", doc: str = "") -> None:
        self.__doc__ = text or doc


def implementer(*interfaces: Any) -> Any:
    """Declare what a class implements."""

    def declare(kind: Any) -> Any:
        kind.__declared_interfaces__ = (*vars(kind).get("__declared_interfaces__", ()), *interfaces)
        return kind

    return declare


class Substitute:
    """Finds this module as `zope.interface`. As the last of all finders it is asked only where there is no other."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> ModuleSpec | None:
        """Return the way to this module, for its other name."""
        if name == "zope":
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = []
            return spec
        return importlib.util.spec_from_file_location(name, __file__) if name == _NAME else None


def install() -> None:
    """Let plugins find this module where `zope.interface` is not installed."""
    if Substitute not in sys.meta_path:
        sys.meta_path.append(Substitute)

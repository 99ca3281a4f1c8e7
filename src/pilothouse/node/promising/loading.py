"""How a plugin becomes a promise (node spec 13.4)."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

from pilothouse.node.promising import declarations
from pilothouse.node.promising.generic import GenericPromise


class PluginError(Exception):
    """A plugin does not keep the contract of plugins."""


def load(name: str, path: str, config: dict[str, Any]) -> GenericPromise:
    """Return the promise of a plugin. Raises PluginError, and whatever the plugin raises."""
    module_name = os.path.splitext(name)[0]
    if not (name[:1].isalpha() or name.startswith("_")):
        raise PluginError(f"Cannot import promise {name}: its name must start with a letter or underscore")
    _library_path()
    declarations.install()
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, os.path.dirname(path))
    sys.dont_write_bytecode = True  # the folder holds what buildout wrote, and nothing that it does not know
    spec.loader.exec_module(module)
    promise: GenericPromise = _class_of(module, module_name)({**config, **_extra(module, config)})
    return promise


def _library_path() -> None:
    """Open the libraries of this Python, which was started without them because most promises need none."""
    if "site" not in sys.modules:
        import site

        site.main()


def _class_of(module: Any, name: str) -> Any:
    promise = getattr(module, "RunPromise", None)
    if promise is None:
        raise PluginError(f"Class RunPromise is not found in {name}")
    from slapos.grid.promise.interface import IPromise

    if not IPromise.implementedBy(promise):
        raise PluginError(
            f"RunPromise class in {name} must implement 'IPromise' interface. "
            "@implementer(interface.IPromise) is missing ?"
        )
    if not (isinstance(promise, type) and issubclass(promise, GenericPromise)):
        raise PluginError(f"RunPromise class in {name} must be a subclass of GenericPromise")
    return promise


def _extra(module: Any, config: dict[str, Any]) -> dict[str, Any]:
    extra = getattr(module, "extra_config_dict", {})
    if not isinstance(extra, dict):
        raise PluginError("extra_config_dict is not a dictionary")
    for key in extra:
        if key in config:
            raise PluginError(f"Extra parameter key '{key}' cannot be used, it is a key of promises themselves")
    return extra

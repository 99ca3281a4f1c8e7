# ruff: noqa: INP001 - it is run by its folder, and nobody imports it
"""Starts the process that runs promises; this folder is its ``sys.path``, so that plugins find `slapos` in it."""

import os
import sys
import types

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = _HERE

# our package by its folder alone: whatever else is installed beside it is no business of plugins
_package = types.ModuleType("pilothouse")
_package.__path__ = [os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))]
sys.modules["pilothouse"] = _package

from pilothouse.node.promising.server import main  # noqa: E402

main(sys.argv[1:])

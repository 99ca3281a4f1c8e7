"""``pilothouse headless``: serve headless batches, and say who may run what."""

from pilothouse.cli.headless.main import main, make_parser

__all__ = ["main", "make_parser"]

"""Programs as promises."""

from pilothouse.node.promising.wrapper import WrapPromise

__all__ = ["WrapPromise"]

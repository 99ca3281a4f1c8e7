"""Servers in the test's own event loop, and the databases they use."""

from tests.stores import databases, where

__all__ = ["databases", "where"]

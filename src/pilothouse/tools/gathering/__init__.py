"""Outputs of many nodes put together (spec section 8.7)."""

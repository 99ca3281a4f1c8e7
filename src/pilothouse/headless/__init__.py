"""Headless batches: the protocol, and its two sides."""

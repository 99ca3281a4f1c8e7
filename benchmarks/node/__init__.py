"""Passes of our node beside those of the original, in one run (``python -m benchmarks.node``)."""

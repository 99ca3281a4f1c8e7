"""Copying files between the runner and its targets, verified by checksums."""

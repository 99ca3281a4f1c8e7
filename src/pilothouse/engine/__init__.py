"""Runs one job on this machine: runner, phases, nodes, operations, journal, events, control."""

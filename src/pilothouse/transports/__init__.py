"""Reach a machine: one port (`contract`), and its adapters `local`, `ssh` and `fake`."""

"""The control server's side of a run: calls, downloads, status pushes (spec sections 1.11, 2.8, 9 and 10.1)."""

"""The control server's side of a run: downloads, status pushes (spec sections 2.8, 9 and 10.1)."""

"""``pilothouse node run``: one process that starts the passes of a node when they are due, or the master says so."""

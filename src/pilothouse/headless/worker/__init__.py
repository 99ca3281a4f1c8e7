"""What runs in a session's worker: sent there as text, so that its account need not be able to read this folder."""

"""ACTOR: headless batches: protocol, login, client; on the server sessions and their worker processes."""

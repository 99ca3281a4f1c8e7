"""``slapos``: the client command, for people and scripts that come from SlapOS (master spec, section 10)."""

"""ACTOR: the control server: assembly, the dialects at its doors, and what they all do."""

"""The schemas of consumption reports (slapos-master 11.1, 11.2)."""

"""Commands for network devices, typed into a terminal."""

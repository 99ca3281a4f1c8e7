"""One small process for each session: it outlives the daemon, owns the job's processes and writes the events.

It stays in memory as long as the session, so it imports nothing but a little of the standard library.
"""
